"""Canaries in a simulated cluster: begun on idle nodes as the controller does, and gone a moment after jobs want nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hpcsched.model.container import EndCause
from hpcsched.model.job import JobSpec
from hpcsched.sim.cluster import Cluster
from hpcsched.state import canaries
from hpcsched.state.events import AllocationGranted


@dataclass(frozen=True, slots=True)
class Canaries:
    """Every `every_s` each idle node gets one, which runs for `run_s`, or is gone `vanish_s` after it was told to end."""

    every_s: float = 3600.0
    run_s: int = 30
    vanish_s: float = 1.0


class Flock:
    """`begun`, `driven_off`: how many canaries there were, and how many of them had to make way."""

    def __init__(self, setting: Canaries, cluster: Cluster) -> None:
        self._setting, self._cluster = setting, cluster
        self.begun = self.driven_off = 0

    def begin(self) -> Iterator[tuple[float, int]]:
        """On all idle nodes; when each ends, and its id."""
        spec = JobSpec(command=("canary",), time_limit_s=self._setting.run_s, grace_s=0, canary=True)
        state, now = self._cluster.state, self._cluster.now
        for node in [node for node in state.nodes.values() if canaries.may_have(node)]:
            self.begun += 1
            for event in canaries.begin(state, node.name, spec, f"canary-{self.begun}", self._cluster.plan, now):
                self._cluster.happen(event)
                if isinstance(event, AllocationGranted):
                    yield now + self._setting.run_s, event.job_id

    def make_way(self) -> Iterator[tuple[float, int]]:
        """Those that the plan has no room for; when each is gone, and its id."""
        for event in canaries.make_way(self._cluster.state, self._cluster.plan, self._cluster.now):
            self.driven_off += 1
            self._cluster.happen(event)
            yield self._cluster.now + self._setting.vanish_s, event.job_id

    def end(self, number: int) -> bool:
        """It is gone. True: it made way for a job."""
        job = self._cluster.state.active.get(number)
        if job is None:
            return False
        self._cluster.end(number, EndCause.CANCELLED if job.cancel_requested else EndCause.EXIT)
        return job.cancel_requested

    def next(self) -> float:
        return self._cluster.now + self._setting.every_s
