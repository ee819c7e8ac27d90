"""A cluster on a virtual clock whose jobs run exactly to their limits, to compare replayed starts with real ones."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.plugins import load
from hpcsched.sched.fit import Fitter
from hpcsched.sched.replay import forked
from hpcsched.sched.verify import verify
from hpcsched.state import decide
from hpcsched.state.due import due
from hpcsched.state.events import AllocationGranted, ContainerGone, ContainerReported, JobModified, NodeRegistered
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
        for number, count in enumerate(cores, len(self.state.nodes)):
            self.state.apply(NodeRegistered(self.now, offer(f"n{number}", cores=count)))

    def submit(self, *specs: JobSpec) -> list[int]:
        event = decide.submit(self.state, f"r{self.state.next_job_id}", specs, self.now, 10_000)
        self.state.apply(event)
        return [job.job_id for job in event.jobs]

    def plan(self) -> None:
        """Again where a start lets others in."""
        arrivals = -1
        while arrivals != self.state.queue.arrivals:
            arrivals = self.state.queue.arrivals
            self._pass()

    def _pass(self) -> None:
        for dropped in due(self.state, self.now):
            self.state.apply(dropped)
        snapshot = self.state.snapshot(self.now)
        plan = self.policy.plan(snapshot)
        verify(plan, snapshot)
        for event in decide.allocate(self.state, plan, self.now):
            self.state.apply(event)
            if isinstance(event, AllocationGranted):
                self._start(event)

    def with_spec(self, job_id: int, spec: JobSpec) -> Cluster:
        """Another one that stands where this one stands, but for what that waiting job asks for."""
        state = State.load(self.state.dump(), self.state.site)
        state.apply(JobModified(self.now, job_id, spec))
        return Cluster(forked(self.policy, Fitter()), self.now, state, list(self.ends), dict(self.starts))

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
