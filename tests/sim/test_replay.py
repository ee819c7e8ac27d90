"""A replayed start is the one that the controller's state and policy then give, where jobs run exactly to their limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsched.controller.explain_blockers import alike, kept, later
from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.model.snapshot import Snapshot
from hpcsched.plugins import load
from hpcsched.sched.fit import Fitter
from hpcsched.sched.question import ranked
from hpcsched.sched.replay import Replay, forked
from hpcsched.sched.replay_later import Later
from hpcsched.sched.replay_length import part_of_the_limit, to_the_limit
from hpcsched.sched.replay_pace import Budget
from hpcsched.testing.replays import POLICIES, Cluster, clusters, specs


@settings(max_examples=150, deadline=None)
@given(clusters())
def test_the_replayed_start_is_the_real_one(cluster: Cluster) -> None:
    snapshot = cluster.state.snapshot(cluster.now)
    told = {
        job.id: Replay(snapshot, forked(cluster.policy, Fitter()), to_the_limit, Budget(), order=ranked(snapshot)).until(job.id)
        for job in snapshot.pending
    }
    cluster.plan()
    while cluster.step():
        pass
    assert told == {job_id: cluster.starts.get(job_id) for job_id in told}


@settings(max_examples=60, deadline=None)
@given(clusters(), st.integers(1, 600), specs(1))
def test_a_job_that_may_begin_later_is_replayed_as_it_then_begins(cluster: Cluster, after: int, spec: JobSpec) -> None:
    snapshot = cluster.state.snapshot(cluster.now)
    (job_id,) = cluster.submit(_not_before(spec, cluster.now + after))
    later = Later(cluster.state.jobs[job_id], cluster.now + after)
    told = Replay(snapshot, forked(cluster.policy, Fitter()), to_the_limit, Budget(), (later,), ranked(snapshot)).until(job_id)
    cluster.plan()
    while cluster.step():
        pass
    assert told == cluster.starts.get(job_id)


@st.composite
def _dependent(draw: st.DrawFn, cluster: Cluster) -> list[int]:
    """Jobs that wait for others in every way, submitted one after the other; some bear one name."""
    made: list[int] = []
    for _ in range(draw(st.integers(1, 6))):
        live = sorted(cluster.state.jobs)
        kinds = st.sampled_from(("afterok", "afterany", "after"))
        needs = draw(st.lists(st.builds("{}:{}".format, kinds, st.sampled_from(live)), min_size=0, max_size=3))
        needs += draw(st.sampled_from(([], ["singleton"])))
        spec = replace(draw(specs(2)), name=draw(st.sampled_from(("one", "two"))), user="ada")
        spec = replace(spec, dependency=draw(st.sampled_from("?,")).join(dict.fromkeys(needs)))
        made += cluster.submit(_not_before(spec, cluster.now + draw(st.sampled_from((0, 0, 300)))))
    return made


@settings(max_examples=150, deadline=None)
@given(clusters(), st.data())
def test_whatever_a_job_waits_for_it_is_replayed_as_it_then_starts(cluster: Cluster, data: st.DataObject) -> None:
    cluster.plan()
    ids = data.draw(_dependent(cluster))
    state, snapshot = cluster.state, kept(cluster.state, cluster.now)
    others = tuple(later(state, cluster.now))
    policy = forked(cluster.policy, Fitter())
    replay = Replay(snapshot, policy, to_the_limit, Budget(), others, ranked(snapshot), alike(state, others))
    told = {job_id: replay.until(job_id) for job_id in ids}
    cluster.plan()
    while cluster.step():
        pass
    assert told == {job_id: cluster.starts.get(job_id) for job_id in ids}


@settings(max_examples=60, deadline=None)
@given(clusters(), st.data())
def test_jobs_that_will_miss_their_deadlines_keep_nobody_after_that(cluster: Cluster, data: st.DataObject) -> None:
    cluster.plan()
    for spec in data.draw(st.lists(specs(2), min_size=1, max_size=4)):
        patience = data.draw(st.integers(0, 900))
        cluster.submit(replace(spec, priority=2, deadline=cluster.now + spec.time_limit_s + patience))
    kind = data.draw(st.sampled_from(("afterany", "after")))
    ids = cluster.submit(data.draw(specs(2)), replace(data.draw(specs(1)), dependency=f"{kind}:{max(cluster.state.jobs)}"))
    state, snapshot = cluster.state, kept(cluster.state, cluster.now)
    others, latest = tuple(later(state, cluster.now)), state.deadlines.all()
    policy = forked(cluster.policy, Fitter())
    replay = Replay(snapshot, policy, to_the_limit, Budget(), others, ranked(snapshot), alike(state, others), latest)
    told = {job_id: replay.until(job_id) for job_id in ids}
    cluster.plan()
    while cluster.step():
        pass
    assert told == {job_id: cluster.starts.get(job_id) for job_id in ids}


@pytest.mark.parametrize("policy", ["fifo", "easy", "wfp"])
def test_far_down_a_long_queue_the_start_is_found_roughly(policy: str) -> None:
    cluster = Cluster(load("policies", policy)())
    cluster.add_nodes([4] * 20)
    for number in range(900):
        cluster.submit(JobSpec(command=("true",), time_limit_s=600 + 37 * (number * number % 97), nodes=1 + number % 7))
    snapshot = cluster.state.snapshot(cluster.now)
    last = max(job.id for job in snapshot.pending)
    exact, rough = (
        Replay(snapshot, forked(cluster.policy, Fitter()), to_the_limit, Budget(looks), order=ranked(snapshot))
        for looks in (10**9, 200_000)
    )
    start, about = exact.until(last), rough.until(last)
    assert start is not None
    assert about is not None
    assert (exact.grain_s, exact.pending.unseen) == (0.0, 0)
    assert rough.grain_s > 0
    assert rough.pending.unseen > 0
    assert abs(about - start) <= 0.2 * (start - cluster.now)


def _not_before(spec: JobSpec, begin: float) -> JobSpec:
    return replace(spec, begin_time=begin)


@settings(max_examples=60, deadline=None)
@given(clusters(), st.floats(0.1, 1.0))
def test_a_replay_ends_and_starts_nothing_twice(cluster: Cluster, fraction: float) -> None:
    snapshot: Snapshot = cluster.state.snapshot(cluster.now)
    replay = Replay(snapshot, cluster.policy, part_of_the_limit(fraction), Budget())
    replay.until(-1)
    assert not replay.exhausted
    assert not replay.running
    assert not replay.pending
    assert replay.starts.keys() == {job.id for job in snapshot.pending}


def test_a_replay_stops_when_its_budget_is_spent() -> None:
    cluster = Cluster(load("policies", "fifo")())
    cluster.add_nodes([4])
    ids = [cluster.submit(JobSpec(command=("true",), time_limit_s=60))[0] for _ in range(50)]
    replay = Replay(cluster.state.snapshot(cluster.now), cluster.policy, to_the_limit, Budget(2000))
    assert replay.until(ids[-1]) is None
    assert replay.exhausted
    assert cluster.now < replay.now < cluster.now + 50 * 60


@pytest.mark.parametrize("policy", POLICIES)
def test_behind_a_job_without_a_limit_nothing_is_promised(policy: str) -> None:
    cluster = Cluster(load("policies", policy)())
    cluster.add_nodes([4])
    cluster.submit(JobSpec(command=("true",)))
    (waits,) = cluster.submit(JobSpec(command=("true",), time_limit_s=60))
    cluster.plan()
    replay = Replay(cluster.state.snapshot(cluster.now), cluster.policy, to_the_limit, Budget())
    assert replay.until(waits) is None
    assert not replay.exhausted


@pytest.mark.parametrize("policy", ["fifo", "easy", "sjbf", "wfp"])
def test_an_array_whose_tasks_are_shorter_than_said_does_not_keep_the_first_in_line_waiting(policy: str) -> None:
    cluster = Cluster(load("policies", policy)())
    cluster.add_nodes([1, 1])
    task = ResourceRequest(cores_per_node=1)
    cluster.submit(JobSpec(command=("true",), time_limit_s=60, array="0-999", resources=task))
    cluster.submit(JobSpec(command=("true",), time_limit_s=45, priority=9))
    (head,) = cluster.submit(JobSpec(command=("true",), time_limit_s=60, priority=5, nodes=2, begin_time=cluster.now + 5))
    later = [Later(cluster.state.jobs[head], cluster.now + 5)]
    replay = Replay(cluster.state.snapshot(cluster.now), cluster.policy, part_of_the_limit(0.5), Budget(), later)
    start = replay.until(head)
    assert start is not None
    assert start <= cluster.now + 60
