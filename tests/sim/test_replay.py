"""A replayed start is the one that the controller's state and policy then give, where jobs run exactly to their limits."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.model.snapshot import Snapshot
from hpcsched.plugins import load
from hpcsched.sched.fit import Fitter
from hpcsched.sched.question import ranked
from hpcsched.sched.replay import Budget, Later, Replay, forked, part_of_the_limit, to_the_limit
from hpcsched.sched.verify import verify
from hpcsched.state import decide
from hpcsched.state.events import AllocationGranted, ContainerGone, ContainerReported, NodeRegistered
from hpcsched.state.state import State
from hpcsched.testing.world import exited, offer, running

POLICIES = ("fifo", "easy", "sjbf", "conservative", "wfp")


@dataclass
class Cluster:
    """A state and a policy on a virtual clock; every job ends exactly at its limit."""

    policy: Any
    now: float = 1000.0
    state: State = field(default_factory=State)
    ends: list[tuple[float, int]] = field(default_factory=list)
    starts: dict[int, float] = field(default_factory=dict)

    def add_nodes(self, cores: list[int]) -> None:
        for number, count in enumerate(cores):
            self.state.apply(NodeRegistered(self.now, offer(f"n{number}", cores=count)))

    def submit(self, *specs: JobSpec) -> list[int]:
        event = decide.submit(self.state, f"r{self.state.next_job_id}", specs, self.now, 1000)
        self.state.apply(event)
        return [job.job_id for job in event.jobs]

    def plan(self) -> None:
        snapshot = self.state.snapshot(self.now)
        plan = self.policy.plan(snapshot)
        verify(plan, snapshot)
        for event in decide.allocate(self.state, plan, self.now):
            self.state.apply(event)
            if isinstance(event, AllocationGranted):
                self._start(event)

    def _start(self, event: AllocationGranted) -> None:
        for name in event.allocation.nodes:
            self.state.apply(ContainerReported(self.now, name, running(event.job_id, self.now)))
        job = self.state.jobs[event.job_id]
        self.starts[job.id] = self.now
        heapq.heappush(self.ends, (self.now + job.spec.time_limit_s, job.id))

    def step(self) -> bool:
        """To the next end, or to the next time at which one may begin."""
        times = [time for time in (self.ends[0][0] if self.ends else None, self.state.next_time(self.now)) if time]
        if not times:
            return False
        self.now = max(self.now, min(times))
        while self.ends and self.ends[0][0] <= self.now:
            _, job_id = heapq.heappop(self.ends)
            names = self.state.jobs[job_id].allocation.nodes  # type: ignore[union-attr]
            for name in names:
                self.state.apply(
                    ContainerReported(self.now, name, exited(job_id, start_time=self.starts[job_id], end_time=self.now))
                )
            for name in names:
                self.state.apply(ContainerGone(self.now, name, job_id))
        self.plan()
        return True


def specs(most: int) -> st.SearchStrategy[JobSpec]:
    return st.builds(
        JobSpec,
        command=st.just(("true",)),
        nodes=st.integers(1, most),
        time_limit_s=st.integers(200, 900),
        priority=st.sampled_from([0, 0, 0, 1]),
        resources=st.builds(ResourceRequest, cores_per_node=st.sampled_from([0, 1, 1, 4])),
    )


@st.composite
def clusters(draw: Any) -> Cluster:
    """Some time after its first jobs have begun."""
    cluster = Cluster(load("policies", draw(st.sampled_from(POLICIES)))())
    cluster.add_nodes([*draw(st.lists(st.sampled_from([1, 4]), min_size=1, max_size=4)), 4, 4])
    for _ in range(draw(st.integers(1, 3))):
        for spec in draw(st.lists(specs(2), min_size=1, max_size=6)):
            cluster.submit(spec)
        cluster.plan()
        cluster.now += draw(st.integers(0, 59))
    return cluster


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
    assert replay.starts.keys() | replay.pending.keys() == {job.id for job in snapshot.pending}


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
