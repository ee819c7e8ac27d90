"""Nodes that small jobs and arrays share, under a real policy whose plans are judged."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hpcsched.model.site import Partition, Site
from hpcsched.plugins import load
from hpcsched.sched.verify import verify
from hpcsched.state import decide
from hpcsched.state.due import due
from hpcsched.state.state import State
from hpcsched.testing.worker_world import WorkerNode, WorkerWorld

SHARED = Site(partitions=(Partition("all", default=True, shared=True),))


class Steady(random.Random):
    """Everything goes well, and each task ends at the next look."""

    def random(self) -> float:
        return 0.0

    def choice(self, seq: Any) -> Any:
        return seq[0]


class SharedWorld(WorkerWorld):
    """A round is the time of one task. Raises PlanRejected when a plan breaks a rule."""

    def __init__(self, policy: str, nodes: Sequence[str] = ("n1", "n2", "n3"), site: Site = SHARED) -> None:
        super().__init__(())
        self.state = State(site)
        self._policy = load("policies", policy)()
        for name in nodes:
            self.register(name)
        self.runs: Counter[tuple[int, int]] = Counter()
        self.agents = [WorkerNode(name, Steady(), self.runs) for name in nodes]

    def plan(self) -> tuple[int, ...]:
        self.do(*due(self.state, self.tick()))
        snapshot = self.state.snapshot(self.time)
        plan = self._policy.plan(snapshot)
        verify(plan, snapshot)
        self.do(*decide.allocate(self.state, plan, self.time))
        self.waits = {job.id: plan.wait(job.id) for job in snapshot.pending}
        self.feed()
        return ()

    def round(self) -> None:
        self.plan()
        for agent in self.agents:
            agent.follow(self.state, calm=True)
            self.hear(agent)
