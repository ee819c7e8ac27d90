"""A simulated cluster at one moment: the controller's own state, and agents that do at once what they are told.

Their part is the shortest legal sequence of events: a container is first heard of when it ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hpcsched.model.container import ContainerStatus, EndCause, Phase
from hpcsched.model.job import Job, JobSpec
from hpcsched.model.record import Record
from hpcsched.model.site import Site
from hpcsched.model.snapshot import Plan
from hpcsched.sched.verify import verify
from hpcsched.sim.machine import booted_again, offers
from hpcsched.state import decide
from hpcsched.state.commands import Command, RecordJob, SyncNode
from hpcsched.state.events import (
    AllocationGranted,
    ContainerGone,
    ContainerReported,
    Event,
    NodeDisconnected,
    NodeLost,
    NodeRegistered,
)
from hpcsched.state.state import State

MAX_PENDING = 10_000_000


class Cluster:
    """`now`: Unix seconds of the virtual clock, set from outside, never back. `plan`: the last one.

    `ended`: records of jobs since someone last emptied it. `check`: judge every plan, and every invariant after every event.
    """

    def __init__(self, policy: Any, processors: int, node_processors: int, site: Site, now: float, check: bool) -> None:
        self.state, self.now = State(site), now
        self.ended: list[Record] = []
        self.plan = Plan()
        self.passes = 0
        self._policy, self._check = policy, check
        for offer in offers(processors, node_processors):
            self._do(NodeRegistered(now, offer))

    def submit(self, number: int, spec: JobSpec) -> int:
        """The job's id. Raises InvalidValue, Infeasible, QueueFull where the site's rules do not let it in."""
        event = decide.submit(self.state, f"trace-{number}", (spec,), self.now, MAX_PENDING)
        self._do(event)
        return event.jobs[0].job_id

    def start_jobs(self) -> list[AllocationGranted]:
        """One pass of the policy."""
        if not self.state.queue:
            return []
        self.passes += 1
        snapshot = self.state.snapshot(self.now)
        self.plan = self._policy.plan(snapshot)
        if self._check:
            verify(self.plan, snapshot)
        granted = [event for event in decide.allocate(self.state, self.plan, self.now) if isinstance(event, AllocationGranted)]
        for event in granted:
            self._do(event)
        return granted

    def end(self, job_id: int, cause: EndCause) -> None:
        """All of its containers end at once, and nothing of them is left."""
        job = self.state.active[job_id]
        names, status = _names(job), _ended(job_id, cause, self.now)
        self._do(ContainerReported(self.now, names[0], status, also=names[1:]))
        self._do(ContainerGone(self.now, names[0], job_id, also=names[1:]))

    def fail(self, name: str) -> None:
        """The node is gone for good, and what ran there is lost."""
        self._obey(self._do(NodeDisconnected(self.now, name)))
        self._obey(self._do(NodeLost(self.now, name, f"node {name} failed")))

    def repair(self, name: str) -> None:
        self._obey(self._do(NodeRegistered(self.now, booted_again(self.state.nodes[name].offer))))
        self._clean(name)

    def _do(self, event: Event) -> list[Command]:
        told = self.state.apply(event)
        if self._check:
            self.state.check()
        for command in told:
            if type(command) is RecordJob:
                self.ended.append(command.record)
        return told

    def _obey(self, told: Iterable[Command]) -> None:
        """What agents do at once when what their nodes shall run has changed: stop, and clear away."""
        waiting = [command.name for command in told if isinstance(command, SyncNode)]
        while waiting:
            name = waiting.pop()
            if not self.state.nodes[name].down:
                waiting += [command.name for command in self._stop(name) if isinstance(command, SyncNode)]
                self._clean(name)

    def _stop(self, name: str) -> list[Command]:
        told: list[Command] = []
        for wanted in self.state.desired(name):
            if wanted.release or wanted.cancel:
                cause = EndCause.CANCELLED if wanted.cancel else EndCause.STOPPED
                told += self._do(ContainerReported(self.now, name, _ended(wanted.job_id, cause, self.now)))
        return told

    def _clean(self, name: str) -> None:
        for job_id in self.state.nodes[name].cleaning:
            self._do(ContainerGone(self.now, name, job_id))


def _names(job: Job) -> tuple[str, ...]:
    assert job.allocation is not None
    return job.allocation.nodes


def _ended(job_id: int, cause: EndCause, now: float) -> ContainerStatus:
    return ContainerStatus(job_id, Phase.EXITED, cause=cause, exit_code=0 if cause is EndCause.EXIT else None, end_time=now)
