"""A simulated cluster at one moment: the controller's own state, and agents that do at once what they are told.

Their part is the shortest legal sequence of events: a container is first heard of when it ends, unless it might be frozen before.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from hpcsched.model.container import ContainerStatus, EndCause, Phase, WorkStatus
from hpcsched.model.job import Job, JobSpec
from hpcsched.model.record import Record
from hpcsched.model.site import PreemptMode, Site
from hpcsched.model.snapshot import Plan
from hpcsched.sched.verify import verify
from hpcsched.sim.machine import booted_again, offers
from hpcsched.state import decide, preempting
from hpcsched.state.commands import Command, RecordJob, SyncNode
from hpcsched.state.due import due
from hpcsched.state.events import (
    AllocationGranted,
    ContainerGone,
    ContainerReported,
    Event,
    JobPreempted,
    JobResumed,
    NodeDisconnected,
    NodeLost,
    NodeRegistered,
    WorkerDismissed,
    WorkerGranted,
    WorkReported,
)
from hpcsched.state.state import State
from hpcsched.state.works import feed

MAX_PENDING = 10_000_000
MAX_PASSES = 100
Happened = AllocationGranted | WorkerGranted | JobPreempted | JobResumed


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
        self.preempts = any(qos.preempt for qos in site.qos)
        keeps = hasattr(policy, "fork")
        self._may_always = keeps or self.preempts or any(part.shared for part in site.partitions)
        for offer in offers(processors, node_processors):
            self._do(NodeRegistered(now, offer))

    def submit(self, number: int, spec: JobSpec) -> int:
        """The job's id. Raises InvalidValue, Infeasible, QueueFull where the site's rules do not let it in."""
        event = decide.submit(self.state, f"trace-{number}", (spec,), self.now, MAX_PENDING)
        self._do(event)
        return event.jobs[0].job_id

    def may_start(self, nodes: int = 0) -> bool:
        """A job of so many nodes (0: any that waits): they may be free, others may give theirs up, or the policy counts on it."""
        if self._may_always:
            return True
        nodes = nodes or self.state.queue.fewest_nodes()
        active = self.state.active.values()
        taken = sum([len(job.parts) for job in active]) - len(self.state.canaries)
        return nodes <= len(self.state.nodes) - taken or any(job.is_worker for job in active)

    def turn(self) -> list[Happened]:
        """What it is time for, and a pass of the policy; again where jobs gave nodes up in it that are free at once."""
        happened = list[Happened]()
        for event in due(self.state, self.now) if self.preempts else ():
            self._obey(self._do(event))
            happened += [event] if isinstance(event, JobResumed) else []
        for _ in range(MAX_PASSES):
            found = self._pass() if self.state.queue else []
            happened += found
            if not any(isinstance(event, JobPreempted) and event.mode is PreemptMode.SUSPEND for event in found):
                break
        return happened

    def next_time(self) -> float:
        """When a job that gave its nodes up waits again, or goes on, by time alone; infinity: none does."""
        return min(self.state.queue.next_time() or math.inf, preempting.next_time(self.state, self.now))

    def _pass(self) -> list[Happened]:
        self.passes += 1
        snapshot = self.state.snapshot(self.now)
        self.plan = self._policy.plan(snapshot)
        if self._check:
            verify(self.plan, snapshot)
        allowed = decide.allocate(self.state, self.plan, self.now)
        for event in allowed:
            told = self._do(event)
            if isinstance(event, JobPreempted | WorkerDismissed):
                self._obey(told)
            elif isinstance(event, WorkerGranted):
                self._run(event.worker_id, event.allocation.nodes)
            elif isinstance(event, AllocationGranted) and self.preempts:
                self._run(event.job_id, event.allocation.nodes)
        self._feed()
        return [event for event in allowed if isinstance(event, AllocationGranted | WorkerGranted | JobPreempted)]

    def _run(self, job_id: int, nodes: Iterable[str]) -> None:
        """Only what is known to run can be frozen."""
        status = ContainerStatus(job_id, Phase.RUNNING, start_time=self.now)
        for name in nodes:
            self._do(ContainerReported(self.now, name, status))

    def _feed(self) -> None:
        """Workers get their next tasks, or end."""
        while fed := feed(self.state, self.now):
            for event in fed:
                self._obey(self._do(event))

    def task(self, worker_id: int) -> int | None:
        """The position of the task that the worker runs; None: it has none, or is gone."""
        worker = self.state.active.get(worker_id)
        return next((work.ranges[0][0] for work in worker.assigned if work.ranges), None) if worker else None

    def end_task(self, worker_id: int, array_id: int, position: int, began: float) -> None:
        """It ended well, and the worker goes on with the next one, or ends."""
        status = WorkStatus(array_id, ((position, position + 1),), started=1, start_time=began, end_time=self.now)
        (name,) = _names(self.state.active[worker_id])
        self._obey(self._do(WorkReported(self.now, name, worker_id, status)))
        self._feed()

    def end(self, job_id: int, cause: EndCause) -> None:
        """All of its containers end at once, and nothing of them is left."""
        job = self.state.active[job_id]
        names, status = _names(job), _ended(job_id, cause, self.now)
        self._do(ContainerReported(self.now, names[0], status, names[1:], gone=True))
        self._feed()

    def fail(self, name: str) -> None:
        """The node is gone for good, and what ran there is lost."""
        self._obey(self._do(NodeDisconnected(self.now, name)))
        self._obey(self._do(NodeLost(self.now, name, f"node {name} failed")))

    def repair(self, name: str) -> None:
        self._obey(self._do(NodeRegistered(self.now, booted_again(self.state.nodes[name].offer))))
        self._clean(name)

    def happen(self, event: Event) -> None:
        """That nobody's plan led to."""
        self._do(event)

    def _do(self, event: Event) -> list[Command]:
        told = self.state.apply(event)
        if self._check:
            self.state.check()
        for command in told:
            if type(command) is RecordJob:
                self.ended.append(command.record)
        return told

    def _obey(self, told: Iterable[Command]) -> None:
        """What agents do at once when what their nodes shall run has changed: stop, freeze, go on, and clear away."""
        waiting = [command.name for command in told if isinstance(command, SyncNode)]
        while waiting:
            name = waiting.pop()
            if not self.state.nodes[name].down:
                waiting += [command.name for command in self._change(name) if isinstance(command, SyncNode)]
                self._clean(name)

    def _change(self, name: str) -> list[Command]:
        """What is told to end for another job does so when its grace is over: see `end`."""
        told: list[Command] = []
        for wanted in self.state.desired(name):
            if wanted.release:
                told += self._do(ContainerReported(self.now, name, _ended(wanted.job_id, EndCause.STOPPED, self.now)))
            elif wanted.suspend != _is_frozen(self.state.active[wanted.job_id], name):
                status = ContainerStatus(wanted.job_id, Phase.RUNNING, suspended=wanted.suspend)
                told += self._do(ContainerReported(self.now, name, status))
        return told

    def _clean(self, name: str) -> None:
        for job_id in self.state.nodes[name].cleaning:
            self._do(ContainerGone(self.now, name, job_id))


def _is_frozen(job: Job, name: str) -> bool:
    part = job.parts[_names(job).index(name)]
    return part is not None and part.suspended


def _names(job: Job) -> tuple[str, ...]:
    assert job.allocation is not None
    return job.allocation.nodes


def _ended(job_id: int, cause: EndCause, now: float) -> ContainerStatus:
    return ContainerStatus(job_id, Phase.EXITED, cause=cause, exit_code=0 if cause is EndCause.EXIT else None, end_time=now)
