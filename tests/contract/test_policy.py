"""What every scheduling policy promises, on random clusters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsched.errors import PlanRejected
from hpcsched.model.allocation import Allocation, NodeBinding
from hpcsched.model.array import ArrayProgress, Assigned, parse_array
from hpcsched.model.canary import Median
from hpcsched.model.job import Job, JobSpec, JobState, ResourceRequest
from hpcsched.model.node import Node, NodeOffer
from hpcsched.model.reservation import Reservation
from hpcsched.model.site import Limits, Partition, PartitionState, PreemptMode, Qos, Site
from hpcsched.model.snapshot import Plan, Snapshot
from hpcsched.plugins import load, names
from hpcsched.sched.binding import bind
from hpcsched.sched.fit import Fitter
from hpcsched.sched.ledger import Ledger
from hpcsched.sched.packing import array_start, is_small, worker_spec
from hpcsched.sched.partitions import partition_of
from hpcsched.sched.verify import verify
from hpcsched.testing.strategies import clusters
from hpcsched.testing.topologies import grid, offer_of

POLICIES = pytest.mark.parametrize("policy", names("policies"))
NOW = 10_000.0
SPEEDS = st.sampled_from([(), *((Median("stream.triad", speed, "GB/s"),) for speed in (15.0, 20.0, 20.1))])
SITE = Site(
    partitions=(
        Partition("all", default=True),
        Partition("ib", nodes=("+ib",), limits=Limits(max_nodes=2, max_jobs_per_user=2)),
        Partition("shared", nodes=("n0", "n1", "n2"), shared=True),
        Partition("tight", shared=True, limits=Limits(max_nodes_per_user=1, max_jobs=4)),
        Partition("down", state=PartitionState.DOWN),
    ),
    qos=(Qos("normal"), Qos("high", preempt=("normal",), limits=Limits(max_jobs=2)), Qos("low", preempt_mode=PreemptMode.OFF)),
)


@st.composite
def sites(draw: Any) -> Snapshot:
    """Partitions, features, limits, reservations, arrays, small jobs, workers, jobs that gave their nodes up frozen."""
    nodes = [_node(draw, number) for number in range(draw(st.integers(1, 6)))]
    running = list[Job]()
    for place, node in enumerate(nodes):
        if node.connected and not node.drain_reason and draw(st.booleans()):
            running += _running(draw, 1000 + place, node)
            nodes[place] = replace(node, job_id=1000 + place)
        elif draw(st.sampled_from([True, False, False])):
            running.append(_frozen(draw, 2000 + place, node))
            nodes[place] = replace(node, suspended=(2000 + place,))
    pending = tuple(_job(draw, number) for number in range(1, 1 + draw(st.integers(0, 12))))
    taken = tuple(draw(st.lists(_reservation([node.name for node in nodes]), max_size=2)))
    held = tuple(replace(item, name=f"r{number}") for number, item in enumerate(taken))
    return Snapshot(NOW, tuple(nodes), pending, tuple(running), SITE, held)


def _node(draw: Any, number: int) -> Node:
    offer = offer_of(grid(cores=draw(st.sampled_from([2, 4])), pus=1), f"n{number}")
    offer = replace(offer, features=draw(st.sampled_from([(), ("ib",), ("ib", "epyc")])))
    return Node(
        offer,
        connected=draw(st.sampled_from([True, True, True, False])),
        drain_reason=draw(st.sampled_from(["", "", "", "fan"])),
        cleaning=draw(st.sampled_from([(), (), (), (7,)])),
        medians=draw(SPEEDS),
    )


def _spec(draw: Any) -> JobSpec:
    nodes = draw(st.integers(1, 4))
    array = draw(st.sampled_from(["", "", "0-9", "0-99%3"]))
    return JobSpec(
        command=("true",),
        user=draw(st.sampled_from(["ada", "ben"])),
        nodes=1 if array else nodes,
        max_nodes=0 if array else nodes + draw(st.integers(0, 2)),
        resources=ResourceRequest(cores_per_node=draw(st.sampled_from([0, 1, 2, 3]))),
        time_limit_s=draw(st.sampled_from([0, 60, 600, 3600])),
        partition=draw(st.sampled_from(["all", "all", "ib", "shared", "shared", "tight", "tight", "down", "gone"])),
        constraint=draw(st.sampled_from(["", "", "ib", "!ib", "ib&epyc"])),
        reservation=draw(st.sampled_from(["", "", "", "r0", "r1"])),
        qos=draw(st.sampled_from(["normal", "high", "low"])),
        array=array,
        equal_speed=draw(st.sampled_from(["", "stream.triad"])),
    )


def _job(draw: Any, number: int) -> Job:
    spec, waited = _spec(draw), draw(st.sampled_from([0.0, 500.0, 9_000.0]))
    progress = ArrayProgress(len(parse_array(spec.array))) if spec.array else None
    return Job(number, spec, "r", JobState.PENDING, NOW - waited, eligible_time=NOW - waited, array=progress)


def _running(draw: Any, number: int, node: Node) -> list[Job]:
    """One that has the node; with a worker maybe a small job in it."""
    spec = replace(_spec(draw), nodes=1, max_nodes=0, reservation="", constraint="")
    began = NOW - draw(st.sampled_from([10.0, 60.0, 650.0]))
    job = Job(number, spec, "r", JobState.RUNNING, 0.0, start_time=began, granted_time=began)
    if not spec.array:
        return [replace(job, allocation=Allocation((NodeBinding(node.name, bind(node.offer, ResourceRequest())),)))]
    start = array_start(replace(job, array=ArrayProgress(5)), node.offer, 5)
    whole = start.allocation if start else Allocation((NodeBinding(node.name, bind(node.offer, ResourceRequest())),))
    worker = replace(job, spec=worker_spec(spec), is_worker=True, allocation=whole)
    if not start or not is_small(replace(spec, array=""), partition_of(SITE, spec.partition)) or draw(st.booleans()):
        return [worker]
    given = Allocation((NodeBinding(node.name, start.slots[0]),))
    small = replace(job, id=number + 1000, spec=replace(spec, array=""), allocation=given, worker=number)
    return [replace(worker, assigned=(Assigned(small.id, ((0, 1),), start.slots[:1]),)), small]


def _frozen(draw: Any, number: int, node: Node) -> Job:
    """It gave the node up for one of those that wait, most often the same as others."""
    job = replace(_running(draw, number, node)[0], is_worker=False, assigned=(), state=JobState.SUSPENDED, suspend_time=NOW - 5)
    job = replace(job, spec=replace(job.spec, array=""))
    return replace(job, preempt_mode=PreemptMode.SUSPEND, preempted_by=draw(st.sampled_from([1, 1, 1, 2, 3])))


def _reservation(nodes: list[str]) -> st.SearchStrategy[Reservation]:
    return st.builds(
        lambda start, length, mine, users, maintenance: Reservation(
            "r", NOW + start, NOW + start + length, tuple(mine), tuple(users), (), maintenance
        ),
        st.sampled_from([-100.0, 30.0, 300.0, 5000.0]),
        st.sampled_from([200.0, 4000.0]),
        st.lists(st.sampled_from(nodes), min_size=1, unique=True),
        st.sampled_from([(), ("ada",)]),
        st.booleans(),
    )


ANY = st.one_of(clusters(), sites())


@POLICIES
@given(snapshot=ANY)
@settings(max_examples=300, deadline=None)
def test_a_plan_breaks_no_rule(policy: str, snapshot: Snapshot) -> None:
    verify(load("policies", policy)().plan(snapshot), snapshot)


@POLICIES
def test_a_limit_holds_for_a_job_that_others_gave_their_nodes_to(policy: str) -> None:
    """Of the array ahead of it a part starts, and the rest waits for nodes."""
    offers = [replace(offer_of(grid(cores=2, pus=1), f"n{number}"), features=("ib",)) for number in range(4)]
    mine = JobSpec(("x",), user="ada", partition="ib", qos="high")
    running = [_on(offer, 1000 + place, replace(mine, qos="normal")) for place, offer in enumerate(offers[2:], 2)]
    victim = replace(_on(offers[1], 2001, replace(mine, user="ben")), state=JobState.SUSPENDED, suspend_time=NOW - 5)
    victim = replace(victim, preempt_mode=PreemptMode.SUSPEND, preempted_by=2)
    array = Job(1, JobSpec(("x",), array="0-99"), "r", JobState.PENDING, NOW, array=ArrayProgress(100))
    nodes = (Node(offers[0], True), Node(offers[1], True, suspended=(2001,)))
    taken = tuple(Node(offer, True, job_id=1000 + place) for place, offer in enumerate(offers[2:], 2))
    snapshot = Snapshot(NOW, (*nodes, *taken), (array, Job(2, mine, "r", JobState.PENDING, NOW)), (*running, victim), SITE)
    plan: Plan = load("policies", policy)().plan(snapshot)
    verify(plan, snapshot)
    assert [start.job_id for start in plan.starts] == [1]
    assert not plan.preempts


def _on(offer: NodeOffer, number: int, spec: JobSpec) -> Job:
    whole = Allocation((NodeBinding(offer.name, bind(offer, ResourceRequest())),))
    return Job(number, spec, "r", JobState.RUNNING, 0.0, start_time=NOW - 60, granted_time=NOW - 60, allocation=whole)


@POLICIES
@given(snapshot=ANY)
@settings(deadline=None)
def test_every_pending_job_has_a_start_or_a_reason_in_words(policy: str, snapshot: Snapshot) -> None:
    plan: Plan = load("policies", policy)().plan(snapshot)
    started = {start.job_id for start in plan.starts}
    for job in snapshot.pending:
        wait = plan.wait(job.id)
        assert job.id in started or (wait and wait.message and "\n" not in wait.message)


@POLICIES
@given(snapshot=ANY)
@settings(deadline=None)
def test_the_same_cluster_gives_the_same_plan(policy: str, snapshot: Snapshot) -> None:
    planner = load("policies", policy)()
    first = planner.plan(snapshot)
    assert planner.plan(snapshot) == first
    assert load("policies", policy)().plan(snapshot) == first


@POLICIES
@given(snapshot=clusters())
@settings(deadline=None)
def test_no_free_cluster_stays_idle_while_a_job_could_start(policy: str, snapshot: Snapshot) -> None:
    """The first job that fits on the free nodes is not refused when nothing else starts."""
    plan: Plan = load("policies", policy)().plan(snapshot)
    if plan.starts or not snapshot.pending:
        return
    ledger = Ledger(snapshot, Fitter())
    assert [job for job in snapshot.pending[:1] if ledger.find(job) is not None] == []


@POLICIES
@given(speeds=st.lists(SPEEDS, min_size=2, max_size=6), least=st.integers(2, 4), more=st.integers(0, 2))
@settings(deadline=None)
def test_a_wish_for_nodes_of_equal_speed_keeps_no_job_waiting(
    policy: str, speeds: list[tuple[Median, ...]], least: int, more: int
) -> None:
    offers = [offer_of(grid(cores=2, pus=1), f"n{at}") for at in range(len(speeds))]
    nodes = tuple(Node(offer, connected=True, medians=found) for offer, found in zip(offers, speeds, strict=True))
    started = list[list[int]]()
    for metric in ("", "stream.triad"):
        spec = JobSpec(("true",), nodes=least, max_nodes=least + more, equal_speed=metric)
        snapshot = Snapshot(NOW, nodes, (Job(1, spec, "r", JobState.PENDING, NOW),), (), Site())
        plan: Plan = load("policies", policy)().plan(snapshot)
        verify(plan, snapshot)
        started.append([len(start.allocation.nodes) for start in plan.starts])
    assert started[0] == started[1]


@given(snapshot=ANY)
@settings(deadline=None)
def test_the_judge_is_awake(snapshot: Snapshot) -> None:
    """A policy that answers nobody is refused whenever somebody waits."""
    if snapshot.pending:
        with pytest.raises(PlanRejected):
            verify(Plan(), snapshot)


Trace = list[tuple[int, int, int, int]]
"""Seconds between submits, nodes, time limit, what it takes of that in percent."""
traces = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 5), st.sampled_from([10, 50, 200, 1000]), st.integers(1, 100)), max_size=25
)


def drive(policy: Any, trace: Trace, size: int = 5, seen: Callable[[Snapshot, Plan], None] | None = None) -> dict[int, float]:
    """Start times on equal nodes, jobs by their place in the trace; planned at every submit and end. All run to an end."""
    free = [Node(offer_of(grid(cores=1, pus=1), f"n{number}"), connected=True) for number in range(size)]
    nodes = {node.name: node for node in free}
    waiting, running, ends, starts = dict[int, Job](), dict[int, Job](), dict[int, float](), dict[int, float]()
    arrivals, time = list[tuple[float, Job]](), NOW
    for number, (gap, count, limit, _) in enumerate(trace, 1):
        time += gap
        job = Job(number, JobSpec(("x",), nodes=count, time_limit_s=limit), "r", JobState.PENDING, time, eligible_time=time)
        arrivals.append((time, job))
    while arrivals or ends:
        now = min([time for time, _ in arrivals[:1]] + list(ends.values()))
        while arrivals and arrivals[0][0] <= now:
            job = arrivals.pop(0)[1]
            waiting[job.id] = job
        for number in [number for number, end in ends.items() if end <= now]:
            del ends[number]
            for name in running.pop(number).allocation.nodes:  # type: ignore[union-attr]
                nodes[name] = replace(nodes[name], job_id=None)
        snapshot = Snapshot(now, tuple(nodes.values()), tuple(waiting.values()), tuple(running.values()))
        plan = policy.plan(snapshot)
        verify(plan, snapshot)
        for start in plan.starts:
            job = waiting.pop(start.job_id)
            running[job.id] = replace(job, state=JobState.RUNNING, allocation=start.allocation, granted_time=now)
            starts[job.id], ends[job.id] = now, now + job.spec.time_limit_s * trace[job.id - 1][3] / 100
            for name in start.allocation.nodes:
                nodes[name] = replace(nodes[name], job_id=job.id)
        if seen:
            seen(Snapshot(now, tuple(nodes.values()), tuple(waiting.values()), tuple(running.values())), plan)
    assert not waiting, f"{list(waiting)} never start"
    return starts


@POLICIES
@given(trace=traces)
@settings(deadline=None, max_examples=50)
def test_every_job_starts_some_time(policy: str, trace: Trace) -> None:
    assert len(drive(load("policies", policy)(), trace)) == len(trace)


@pytest.mark.parametrize("policy", ["fifo", "easy", "sjbf"])
@given(trace=traces)
@settings(deadline=None, max_examples=100)
def test_nobody_delays_the_first_that_waits(policy: str, trace: Trace) -> None:
    """It starts by the time at which, as things stood at any moment, the limits of what ran gave it its nodes."""
    latest: dict[int, float] = {}

    def look(snapshot: Snapshot, plan: Plan) -> None:
        if snapshot.pending:
            head = snapshot.pending[0]
            latest[head.id] = min(latest.get(head.id, 1e18), _freed(snapshot, head.spec.nodes))

    starts = drive(load("policies", policy)(), trace, seen=look)
    assert all(starts[number] <= time for number, time in latest.items())


def _freed(snapshot: Snapshot, count: int) -> float:
    """When so many nodes are free, if all that runs takes its whole limit."""
    there, time = sum(node.job_id is None for node in snapshot.nodes), snapshot.now
    for end, nodes in sorted((job.granted_time + job.spec.time_limit_s, job.spec.nodes) for job in snapshot.running):
        if there >= count:
            break
        there, time = there + nodes, end
    return time


@given(trace=traces)
@settings(deadline=None, max_examples=100)
def test_no_promise_ever_moves_later(trace: Trace) -> None:
    policy = load("policies", "conservative")()
    promised: dict[int, float] = {}

    def look(snapshot: Snapshot, plan: Plan) -> None:
        for number, promise in policy._promises.items():
            assert promise.time <= promised.get(number, 1e18)
            promised[number] = promise.time

    starts = drive(policy, trace, seen=look)
    assert all(starts[number] <= time for number, time in promised.items())


@POLICIES
def test_a_job_is_overtaken_for_so_long_and_no_longer(policy: str) -> None:
    """Jobs that go before it come for ever; it starts when it has waited for the site's bound and what ran then has ended."""
    planner, site = load("policies", policy)(), Site(max_overtake_s=1000.0)
    node = Node(offer_of(grid(cores=1, pus=1), "n1"), connected=True)
    old = Job(1, JobSpec(("x",), time_limit_s=100), "r", JobState.PENDING, NOW, eligible_time=NOW)
    for turn in range(20):
        now = NOW + 100 * turn
        new = replace(old, id=2 + turn, spec=replace(old.spec, priority=5), submit_time=now, eligible_time=now)
        plan = planner.plan(Snapshot(now, (node,), (new, old), (), site))
        if plan.starts[0].job_id == 1:
            break
    assert turn <= 10
