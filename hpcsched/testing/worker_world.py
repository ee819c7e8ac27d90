"""Agents that keep to what is agreed on workers, and a policy for them, on a virtual clock."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from hpcsched.model.container import ContainerStatus, DesiredContainer, EndCause, Phase, TaskEnd, Work, WorkStatus
from hpcsched.model.job import Job, Reason
from hpcsched.model.node import NodeOffer
from hpcsched.model.ranges import normal
from hpcsched.model.snapshot import Plan, Snapshot, Start, Wait
from hpcsched.sched import packing
from hpcsched.state import decide, works
from hpcsched.state.state import State
from hpcsched.testing.world import World, exited, running

ENDS = (*[EndCause.EXIT] * 12, EndCause.SIGNAL, EndCause.TIMEOUT, EndCause.LAUNCH_FAILED)


class PackingPolicy:
    """As many workers as there are free nodes, in order; each job is an array or may share a node."""

    def plan(self, snapshot: Snapshot) -> Plan:
        free = {node.name: node.offer for node in snapshot.nodes if node.connected and not node.busy and not node.drain_reason}
        offers = {node.name: node.offer for node in snapshot.nodes}
        workers = [job for job in snapshot.running if job.is_worker]
        starts, filled = list[Start](), set[int]()
        for job in snapshot.pending:
            if job.array is None:
                start = packing.slot_start(job, [worker for worker in workers if worker.id not in filled], offers)
                if start and start.worker:
                    filled.add(start.worker)
                    starts.append(start)
                    continue
            starts += _new_workers(job, free)
        return Plan(tuple(starts), others=Wait(Reason.RESOURCES, "waits for a node"))


def _new_workers(job: Job, free: dict[str, NodeOffer]) -> list[Start]:
    left, starts = packing.to_give(job) if job.array else 1, list[Start]()
    for name, offer in list(free.items()):
        start = packing.array_start(job, offer, left) if left > 0 else None
        if start is not None:
            del free[name]
            left -= len(start.slots)
            starts.append(start)
    return starts


@dataclass
class WorkerContainer:
    """`tasks`: by job and position, None while it runs, else how it ended. `begun`: how many of each job.

    `lives`: how often each job had been put back when it came here.
    """

    status: ContainerStatus
    tasks: dict[tuple[int, int], TaskEnd | None] = field(default_factory=dict)
    begun: Counter[int] = field(default_factory=Counter)
    lives: dict[int, int] = field(default_factory=dict)

    def report(self) -> ContainerStatus:
        found = [_status(job_id, self) for job_id in sorted({job_id for job_id, _ in self.tasks})]
        return ContainerStatus(
            self.status.job_id,
            self.status.phase,
            cause=self.status.cause,
            exit_code=self.status.exit_code,
            message=self.status.message,
            start_time=self.status.start_time,
            end_time=self.status.end_time,
            works=tuple(found),
        )


def _status(job_id: int, container: WorkerContainer) -> WorkStatus:
    ends = [end for (number, _), end in sorted(container.tasks.items()) if number == job_id and end]
    good = [end.position for end in ends if end.cause is EndCause.EXIT and end.exit_code == 0]
    bad = [end for end in ends if end.position not in set(good)]
    return WorkStatus(
        job_id,
        normal((position, position + 1) for position in good),
        tuple(bad),
        container.begun[job_id],
        container.status.start_time,
        restarts=container.lives[job_id],
    )


@dataclass
class WorkerNode:
    """One machine with an agent. `runs`: starts of each task of each job."""

    name: str
    chance: random.Random
    runs: Counter[tuple[int, int]]
    boots: int = 1
    connected: bool = True
    containers: dict[int, WorkerContainer] = field(default_factory=dict)

    def follow(self, state: State, calm: bool = False) -> None:
        """One look at the desired set, with some of the steps towards it."""
        desired = {item.job_id: item for item in state.desired(self.name)}
        for wanted in desired.values():
            container = self.containers.setdefault(wanted.job_id, WorkerContainer(running(wanted.job_id, state.last_time)))
            if container.status.phase is Phase.RUNNING:
                self._live(container, wanted, calm)
        for job_id in set(self.containers) - set(desired):
            if calm or self.chance.random() < 0.7:
                del self.containers[job_id]

    def _live(self, container: WorkerContainer, wanted: DesiredContainer, calm: bool) -> None:
        chosen = {(work.job_id, number) for work in wanted.works for first, end in work.ranges for number in range(first, end)}
        container.tasks = {key: end for key, end in container.tasks.items() if key in chosen or end is None}
        self._begin_anew(container, wanted)
        for work in wanted.works:
            self._run(container, work)
        if wanted.cancel or wanted.release:
            for key, end in container.tasks.items():
                container.tasks[key] = end or TaskEnd(key[1], EndCause.CANCELLED)
            self._end(container, EndCause.CANCELLED if wanted.cancel else EndCause.STOPPED)
        elif not calm and self.chance.random() < 0.02:
            self._end(container, self.chance.choice((EndCause.LAUNCH_FAILED, EndCause.LOST)))

    def _begin_anew(self, container: WorkerContainer, wanted: DesiredContainer) -> None:
        """What came back to the same container has ended there before."""
        for work in wanted.works:
            if container.lives.setdefault(work.job_id, work.restarts) != work.restarts:
                before = {key: end for key, end in container.tasks.items() if key[0] == work.job_id}
                assert None not in before.values(), f"job {work.job_id} is to run again in the container in which it runs"
                container.tasks = {key: end for key, end in container.tasks.items() if key not in before}
                container.lives[work.job_id] = work.restarts
                container.begun[work.job_id] = 0

    def _run(self, container: WorkerContainer, work: Work) -> None:
        mine = [(work.job_id, number) for first, end in work.ranges for number in range(first, end)]
        for key in mine:
            if work.cancel and container.tasks.get(key) is None:
                container.tasks[key] = TaskEnd(key[1], EndCause.CANCELLED)
            live = sum(1 for other in mine if other in container.tasks and container.tasks[other] is None)
            if key not in container.tasks and live < len(work.slots):
                self.runs[key] += 1
                container.begun[work.job_id] += 1
                container.tasks[key] = None
        for key in mine:
            if key in container.tasks and container.tasks[key] is None and self.chance.random() < 0.6:
                cause = self.chance.choice(ENDS)
                code = self.chance.choice((0, 0, 0, 1)) if cause is EndCause.EXIT else None
                container.tasks[key] = TaskEnd(key[1], cause, code)

    def _end(self, container: WorkerContainer, cause: EndCause) -> None:
        container.status = exited(container.status.job_id, cause, None, start_time=container.status.start_time)


class WorkerWorld(World):
    """A world whose plans pack and whose workers are fed after every report."""

    def __init__(self, nodes: tuple[str, ...]) -> None:
        super().__init__(nodes)
        self._policy = PackingPolicy()  # type: ignore[assignment]

    def plan(self) -> tuple[int, ...]:
        plan = self._policy.plan(self.state.snapshot(self.tick()))
        self.do(*decide.allocate(self.state, plan, self.time))
        self.feed()
        return ()

    def feed(self) -> None:
        self.do(*works.feed(self.state, self.tick()))

    def hear(self, node: WorkerNode) -> None:
        if node.connected:
            self.say(node.name, *(container.report() for container in node.containers.values()))
            self.feed()
