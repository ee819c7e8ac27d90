"""What policies are made of, each alone: profile, horizon, closures, places, berths, and slots as the second judge sees them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsched.errors import PlanRejected
from hpcsched.model.allocation import Allocation, Binding, NodeBinding
from hpcsched.model.array import ArrayProgress, Assigned
from hpcsched.model.job import Job, JobSpec, JobState, ResourceRequest
from hpcsched.model.node import Node
from hpcsched.model.reservation import Repeat, Reservation
from hpcsched.model.site import Partition, Site
from hpcsched.model.snapshot import Plan, Snapshot, Start
from hpcsched.plugins import load
from hpcsched.sched.berths import Berths
from hpcsched.sched.closures import HORIZON_S, Closures
from hpcsched.sched.fit import Fitter
from hpcsched.sched.horizon import natural_ends, shadow
from hpcsched.sched.ledger import Ledger
from hpcsched.sched.packing import array_start, worker_spec
from hpcsched.sched.profile import Profile, split
from hpcsched.sched.verify import verify
from hpcsched.testing.topologies import grid, offer_of

NOW = 10_000.0
ONE_CORE = ResourceRequest(cores_per_node=1)
SHARED = Site(partitions=(Partition("all", default=True, shared=True),))


def node(number: int, job_id: int | None = None, features: tuple[str, ...] = ()) -> Node:
    return Node(replace(offer_of(grid(cores=4, pus=1), f"n{number}"), features=features), connected=True, job_id=job_id)


def pending(number: int, nodes: int = 1, limit: int = 100, **asked: object) -> Job:
    spec = JobSpec(("x",), user="ada", nodes=nodes, time_limit_s=limit, **asked)  # type: ignore[arg-type]
    progress = ArrayProgress(1000) if spec.array else None
    return Job(number, spec, "r", JobState.PENDING, NOW - 50, eligible_time=NOW - 50, array=progress)


def running(number: int, at: Node, limit: int) -> Job:
    whole = Allocation((NodeBinding(at.name, offer_binding(at)),))
    return replace(pending(number, limit=limit), state=JobState.RUNNING, allocation=whole, granted_time=NOW, start_time=NOW)


def offer_binding(at: Node) -> Binding:
    start = array_start(pending(1, array="0-9", resources=ONE_CORE), at.offer, 1)
    assert start is not None
    return start.allocation.bindings[0].binding


def worker(number: int, of: Job, at: Node, limit: int = 100) -> Job:
    """With four tasks of the array."""
    start = array_start(of, at.offer, 4)
    assert start is not None
    spec = replace(worker_spec(of.spec), time_limit_s=limit)
    known = Assigned(of.id, ((0, 4),), start.slots)
    plain = Job(number, spec, "r", JobState.RUNNING, NOW - 10, granted_time=NOW, start_time=NOW, is_worker=True)
    return replace(plain, allocation=start.allocation, assigned=(known,))


def ledger_of(snapshot: Snapshot) -> Ledger:
    return Ledger(snapshot, Fitter())


def test_groups_are_split_until_each_mask_holds_them_whole_or_not_at_all() -> None:
    parts = split(0b1111, [0b0011, 0b0110])
    assert sorted(parts) == [0b0001, 0b0010, 0b0100, 0b1000]
    assert split(0b1111, []) == [0b1111]
    assert split(0, [1]) == []


def test_the_earliest_start_is_where_enough_nodes_stay_free_for_the_whole_time() -> None:
    profile = Profile(0.0, [0b1111], 0b0001, [(10.0, 0b0010), (20.0, 0b1100), (math.inf, 0b0)])
    assert profile.earliest([0], 1, 1e9) == 0.0
    assert profile.earliest([0], 2, 5.0) == 10.0
    profile.take(profile.share([0], 2, 10.0, 15.0), 10.0, 15.0)
    assert profile.earliest([0], 1, 10.0) == 0.0
    assert profile.earliest([0], 1, 11.0) == 20.0
    assert profile.earliest([0], 3, 1.0) == 25.0
    assert profile.earliest([0], 5, 1.0) == math.inf


def test_what_is_taken_and_given_back_leaves_nothing_behind() -> None:
    profile = Profile(0.0, [0b11, 0b100], 0b111, [])
    share = profile.share([0, 1], 3, 5.0, 10.0)
    assert share == [(0, 2), (1, 1)]
    profile.take(share, 5.0, 10.0)
    assert profile.earliest([0, 1], 1, 6.0) == 15.0
    profile.take(share, 5.0, 10.0, -1)
    assert profile.earliest([0, 1], 3, 1e9) == 0.0


def test_a_closed_group_is_free_for_nobody_and_an_opened_one_is() -> None:
    profile = Profile(0.0, [0b11], 0b11, [])
    profile.close(0b01, 10.0, 20.0)
    assert profile.earliest([0], 1, 11.0) == 20.0
    busy = Profile(0.0, [0b11], 0b01, [(100.0, 0b10)])
    busy.open(0b10, 30.0, 100.0)
    assert busy.earliest([0], 2, 1e9) == 30.0


def test_a_reservation_that_repeats_is_closed_at_each_of_its_times() -> None:
    fitter = Fitter()
    fitter.see(Site(), (node(0), node(1)))
    daily = Reservation("r", NOW + 100, NOW + 200, ("n1",), repeat=Repeat.DAILY)
    windows = Closures((daily,), fitter.fleet).windows(NOW)
    assert [start for _, start, _ in windows] == [NOW + 100 + 86400 * day for day in range(8)]
    assert {mask for mask, _, _ in windows} == {0b10}
    assert windows[-2][2] - windows[-2][1] == 100
    assert windows[-1][2] == math.inf
    assert windows[-1][1] > NOW + HORIZON_S
    once = replace(daily, repeat=Repeat.NEVER, start=NOW + 2 * HORIZON_S, end=NOW + 3 * HORIZON_S)
    assert len(Closures((once,), fitter.fleet).windows(NOW)) == 1
    assert Closures((once,), fitter.fleet).windows(NOW + 3 * HORIZON_S) == []


def test_a_job_has_nodes_of_its_own_reservation_and_of_no_other() -> None:
    fitter = Fitter()
    fitter.see(Site(), (node(0), node(1)))
    mine = Reservation("mine", NOW, NOW + 500, ("n0",), ("ada",))
    closures = Closures((mine, Reservation("other", NOW + 50, NOW + 90, ("n1",))), fitter.fleet)
    assert closures.closed(pending(1).spec, NOW, NOW + 60) & 0b11 == 0b11
    assert closures.closed(pending(1).spec, NOW, NOW + 50) & 0b11 == 0b01
    assert closures.closed(pending(1, reservation="mine").spec, NOW, NOW + 60) & 0b11 == 0b10
    assert closures.closed(pending(1, reservation="mine").spec, NOW, NOW + 501) & 0b11 == 0b11


def test_places_are_in_the_partition_and_have_the_features_and_the_cores() -> None:
    site = Site(partitions=(Partition("all", default=True), Partition("fast", nodes=("+ib",))))
    nodes = (node(0), node(1, features=("ib",)), node(2, features=("ib", "epyc")))
    places = Fitter().see(site, nodes)
    assert places.of(JobSpec()) == 0b111
    assert places.of(JobSpec(partition="fast")) == 0b110
    assert places.of(JobSpec(constraint="ib&!epyc")) == 0b010
    assert places.of(JobSpec(constraint="ib&")) == 0
    assert places.of(JobSpec(resources=ResourceRequest(cores_per_node=5))) == 0


def test_a_blocked_job_has_its_nodes_when_the_limits_of_others_end() -> None:
    nodes = (node(0, 11), node(1, 12), node(2))
    ran = (running(11, nodes[0], 300), running(12, nodes[1], 50))
    ledger = ledger_of(Snapshot(NOW, nodes, (), ran))
    found = shadow(ledger, ledger.ask(pending(1, 2)), {1})
    assert (found.time, found.mask, found.extra) == (NOW + 50, 0b110, 0)
    assert shadow(ledger, ledger.ask(pending(1, 3)), {1}).time == NOW + 300
    assert shadow(ledger, ledger.ask(pending(1, 4)), {1}).time == math.inf


def beside_workers() -> Snapshot:
    """Two nodes with workers of array 5; job 1 is before it, waits for one node, and array 5 would go on for hours."""
    nodes = (node(0, 21), node(1, 22))
    array = pending(5, array="0-999", resources=ONE_CORE)
    workers = (worker(21, array, nodes[0]), worker(22, array, nodes[1]))
    return Snapshot(NOW, nodes, (pending(1), array), workers)


def test_workers_go_on_until_their_arrays_are_through() -> None:
    ledger = ledger_of(beside_workers())
    assert natural_ends(ledger) == {21: NOW + 100 + 125 * 100, 22: NOW + 100 + 125 * 100}
    assert natural_ends(ledger_of(replace(beside_workers(), running=()))) == {}


@pytest.mark.parametrize("policy", ["fifo", "easy", "sjbf", "wfp", "conservative"])
def test_as_many_workers_as_needed_are_dismissed_for_the_job_before_their_array(policy: str) -> None:
    snapshot = beside_workers()
    plan = load("policies", policy)().plan(
        replace(snapshot, pending=(replace(snapshot.pending[0], eligible_time=1.0), *snapshot.pending[1:]))
    )
    assert len(plan.dismissed) == 1
    assert plan.dismissed <= {21, 22}


@pytest.mark.parametrize("policy", ["fifo", "easy", "sjbf", "conservative"])
def test_no_worker_is_dismissed_for_a_job_behind_its_array(policy: str) -> None:
    snapshot = beside_workers()
    assert load("policies", policy)().plan(replace(snapshot, pending=snapshot.pending[::-1])).dismissed == frozenset()


def test_a_promise_counts_on_the_end_of_workers() -> None:
    """Behind the array, a job is promised when the array is through, and not never."""
    snapshot = beside_workers()
    policy = load("policies", "conservative")()
    policy.plan(replace(snapshot, pending=snapshot.pending[::-1]))
    assert policy._promises[1].time == NOW + 100 + 125 * 100
    policy = load("policies", "conservative")()
    policy.plan(snapshot)
    assert policy._promises[1].time == NOW + 100


def test_promises_go_around_each_window_of_a_reservation_that_repeats() -> None:
    nodes = (node(0, 11),)
    hourly = Reservation("r", NOW + 600, NOW + 1200, ("n0",), repeat=Repeat.HOURLY)
    policy = load("policies", "conservative")()
    ran = (running(11, nodes[0], 400),)
    policy.plan(
        Snapshot(NOW, nodes, (pending(1, limit=3000), pending(2, limit=3000), pending(3, limit=200)), ran, Site(), (hourly,))
    )
    assert [policy._promises[number].time - NOW for number in (1, 2, 3)] == [1200, 4800, 400]


def test_slots_beside_a_head_are_given_only_where_it_is_not_delayed() -> None:
    """The head waits for one of two nodes; a small job goes into a worker of its owner only when it ends before."""
    array = pending(5, array="0-3", resources=ONE_CORE)
    nodes = (node(0, 21), node(1, 11))
    there = worker(21, array, nodes[0])
    there = replace(there, assigned=(replace(there.assigned[0], ranges=((0, 1),), slots=there.assigned[0].slots[:1]),))
    ran = (there, running(11, nodes[1], 100))
    head = pending(1)
    for limit, starts in ((100, {2}), (101, set())):
        small = pending(2, limit=limit, resources=ONE_CORE)
        plan = load("policies", "easy")().plan(Snapshot(NOW, nodes, (head, small), ran, SHARED))
        assert {start.job_id for start in plan.starts} == starts
        assert plan.dismissed == frozenset()


def test_berths_give_a_slot_of_the_owner_and_remember_it() -> None:
    array = pending(5, array="0-3", resources=ONE_CORE)
    nodes = (node(0, 21),)
    snapshot = Snapshot(NOW, nodes, (), (worker(21, array, nodes[0]),), SHARED)
    full = ledger_of(snapshot)
    assert full.slot(pending(2, resources=ONE_CORE)) is None
    part = replace(
        snapshot.running[0], assigned=(replace(snapshot.running[0].assigned[0], slots=snapshot.running[0].assigned[0].slots[:3]),)
    )
    ledger = ledger_of(replace(snapshot, running=(part,)))
    start = ledger.slot(pending(2, resources=ONE_CORE))
    assert start is not None
    assert start.worker == 21
    assert (
        ledger.slot(replace(pending(3, resources=ONE_CORE), spec=replace(pending(3, resources=ONE_CORE).spec, user="ben")))
        is None
    )
    assert ledger.slot(pending(2, resources=ONE_CORE), but=0b1) is None
    ledger.spend(start)
    assert ledger.slot(pending(3, resources=ONE_CORE)) is None


def test_an_array_gets_no_more_slots_than_it_has_tasks() -> None:
    array = replace(pending(5, array="0-5", resources=ONE_CORE), array=ArrayProgress(6))
    berths, offers = Berths(Snapshot(NOW, (), (), ())), [node(number).offer for number in range(3)]
    given = []
    for start in berths.workers(array, iter(offers)):
        berths.note(array, start, offers[0])
        given.append(len(start.slots))
    assert given == [4, 2]
    assert berths.left(array) == 0


def judged(start: Start, snapshot: Snapshot) -> str:
    try:
        verify(Plan((start,)), snapshot)
    except PlanRejected as error:
        return str(error)
    return ""


def test_the_second_judge_knows_slots() -> None:
    array = pending(5, array="0-9", resources=ONE_CORE)
    nodes = (node(0),)
    snapshot = Snapshot(NOW, nodes, (array,), (), SHARED)
    start = array_start(array, nodes[0].offer, 3)
    assert start is not None
    assert judged(start, snapshot) == ""
    assert "share cpus" in judged(replace(start, slots=(*start.slots, start.slots[0])), snapshot)
    assert "0 slots" in judged(replace(start, slots=()), snapshot)
    part = Allocation((NodeBinding("n0", start.slots[0]),))
    assert "not all of them" in judged(replace(start, allocation=part), snapshot)
    busy = replace(snapshot, nodes=(node(0, 9),))
    assert "is busy" in judged(start, busy)


def test_the_second_judge_knows_whose_worker_it_is() -> None:
    array = pending(5, array="0-3", resources=ONE_CORE)
    nodes = (node(0, 21),)
    there = worker(21, array, nodes[0])
    used = there.assigned[0].slots
    there = replace(there, assigned=(replace(there.assigned[0], slots=used[:3]),))
    small = pending(2, resources=ONE_CORE)
    start = Start(2, Allocation((NodeBinding("n0", used[3]),)), worker=21)
    snapshot = Snapshot(NOW, nodes, (small,), (there,), SHARED)
    assert judged(start, snapshot) == ""
    taken = Start(2, Allocation((NodeBinding("n0", used[0]),)), worker=21)
    assert "share cpus" in judged(taken, snapshot)
    assert "no worker 22" in judged(replace(start, worker=22), snapshot)
    assert "takes no more work" in judged(start, replace(snapshot, running=(replace(there, dismissed=True),)))


def test_a_promise_stands_before_whoever_comes_to_be_ahead_later() -> None:
    nodes = (node(0, 11),)
    ran = (running(11, nodes[0], 100),)
    policy = load("policies", "conservative")()
    policy.plan(Snapshot(NOW, nodes, (pending(2),), ran))
    policy.plan(Snapshot(NOW, nodes, (pending(3, priority=9), pending(2)), ran))
    assert [policy._promises[number].time - NOW for number in (2, 3)] == [100, 200]


@pytest.mark.parametrize("policy", ["easy", "sjbf", "wfp"])
def test_no_more_jobs_overtake_for_long_than_the_head_can_spare_nodes(policy: str) -> None:
    nodes = (node(0, 11), node(1), node(2), node(3, 12))
    ran = (running(11, nodes[0], 100), running(12, nodes[3], 100))
    head = replace(pending(1, 3), eligible_time=1.0)
    plan = load("policies", policy)().plan(Snapshot(NOW, nodes, (head, pending(2, limit=1000), pending(3, limit=1000)), ran))
    assert [start.job_id for start in plan.starts] == [2]


def test_where_jobs_start_does_not_depend_on_where_objects_lie_in_memory() -> None:
    """Many shapes split the nodes into many groups; their order is that of the queue."""
    words = ("a", "b", "c", "d")
    nodes = tuple(node(number, features=(words[number % 4], words[number // 4])) for number in range(8))
    waiting = tuple(pending(number, constraint=word) for number, word in enumerate(("", *words, "!a", "!b", "c|d"), 1))
    snapshot = Snapshot(NOW, nodes, waiting, ())
    kept, plans = list[object](), list[Plan]()
    for turn in range(30):
        kept.append([object() for _ in range(7 * turn)])
        plans.append(load("policies", "conservative")().plan(snapshot))
    assert all(plan == plans[0] for plan in plans)


class Simple:
    """A profile that asks each node of each group at each time."""

    def __init__(self, profile: Profile) -> None:
        self.times, self.free = list(profile.times), [list(column) for column in profile.free]

    def share(self, groups: list[int], start: float, length: float) -> int:
        """So many of the groups' nodes are free for all of that time."""
        there = [at for at, time in enumerate(self.times) if time < start + length and self._until(at) > start]
        return sum(max(0, min(self.free[group][at] for at in there)) for group in groups)

    def _until(self, at: int) -> float:
        return self.times[at + 1] if at + 1 < len(self.times) else math.inf

    def earliest(self, groups: list[int], nodes: int, length: float) -> float:
        return next((time for time in self.times if self.share(groups, time, length) >= nodes), math.inf)


BOOKINGS = st.lists(
    st.tuples(st.integers(1, 9), st.sampled_from([5.0, 10.0, 30.0, math.inf]), st.sampled_from([1, 3, 7])), max_size=8
)


@settings(deadline=None)
@given(ends=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 255)), max_size=6), wanted=BOOKINGS, closed=st.integers(0, 30))
def test_the_earliest_start_is_the_first_time_from_which_on_enough_nodes_are_free(
    ends: list[tuple[int, int]], wanted: list[tuple[int, float, int]], closed: int
) -> None:
    groups, free, coming = [0b1111, 0b110000, 0b11000000], 0b10101, list[tuple[float, int]]()
    for end, mask in sorted(ends):
        coming.append((float(end), mask & ~free))
        free |= mask
    profile = Profile(0.0, groups, 0b10101, coming)
    profile.close(0b110000, float(closed), closed + 7.0)
    for nodes, length, which in wanted:
        asked, simple = [group for group in range(3) if which >> group & 1], Simple(profile)
        start = profile.earliest(asked, nodes, length)
        assert start == simple.earliest(asked, nodes, length)
        if start < math.inf:
            share = profile.book(asked, nodes, start, length)
            assert sum(count for _, count in share) == nodes
            assert Simple(profile).share(asked, start, length) == simple.share(asked, start, length) - nodes
            assert not profile.book(asked, 1 + Simple(profile).share(asked, start, length), start, length)
