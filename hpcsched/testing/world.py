"""A controller's state without a controller: events go in, and what must be true is checked after each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hpcsched.model.container import ContainerStatus, EndCause, Phase, Usage
from hpcsched.model.job import Job, JobSpec
from hpcsched.model.node import NodeOffer
from hpcsched.model.record import Record
from hpcsched.policies.fifo import Fifo
from hpcsched.sched.verify import verify
from hpcsched.state import codec, decide
from hpcsched.state.commands import Command, RecordJob
from hpcsched.state.due import due
from hpcsched.state.events import (
    AllocationGranted,
    ContainerGone,
    ContainerReported,
    Event,
    NodeRegistered,
    SlotGranted,
    WorkerGranted,
)
from hpcsched.state.state import State
from hpcsched.state.works import feed
from hpcsched.testing.topologies import grid, offer_of

TRUE = JobSpec(command=("true",))


def offer(name: str = "n1", boot_id: str = "boot-1", cores: int = 4) -> NodeOffer:
    return replace(offer_of(grid(cores=cores), name), boot_id=boot_id)


def running(job_id: int, start_time: float = 0.0) -> ContainerStatus:
    return ContainerStatus(job_id, Phase.RUNNING, start_time=start_time)


def exited(job_id: int, cause: EndCause | None = EndCause.EXIT, code: int | None = 0, **values: object) -> ContainerStatus:
    exit_code = code if cause is EndCause.EXIT else None
    status = ContainerStatus(job_id, Phase.EXITED, cause=cause, exit_code=exit_code, usage=Usage(1.0, 1000, 0))
    return replace(status, **values)  # type: ignore[arg-type]


class World:
    """`log`: every event so far; `records`: every job that ended; `time` goes up by one second with each event."""

    def __init__(self, nodes: Sequence[str] = ("n1",)) -> None:
        self.state, self.time = State(), 1000.0
        self.log: list[Event] = []
        self.records: dict[int, Record] = {}
        self.told: list[Command] = []
        self._policy = Fifo()
        for name in nodes:
            self.register(name)

    def register(self, name: str) -> None:
        self.do(NodeRegistered(self.tick(), offer(name)))

    def tick(self) -> float:
        self.time += 1.0
        return self.time

    def do(self, *events: Event) -> list[Command]:
        """Apply them as the journal would give them back. Raises AssertionError on a broken invariant and a second end."""
        self.told = []
        for event in events:
            self.log.append(event)
            self.told += self.state.apply(codec.decode(*codec.encode(event)))
            self.state.check()
        for command in self.told:
            if isinstance(command, RecordJob):
                self._keep(command.record)
        return self.told

    def _keep(self, record: Record) -> None:
        assert record.job.id not in self.records, f"job {record.job.id} ended twice"
        assert record.job.state.ended
        self.records[record.job.id] = codec.decode_record(codec.encode_record(record))

    def submit(self, *specs: JobSpec, request: str = "") -> tuple[int, ...]:
        now = self.tick()
        event = decide.submit(self.state, request or f"request-{now}", specs or (TRUE,), now, 1_000_000, self.ended)
        self.do(event)
        return tuple(job.job_id for job in event.jobs)

    @property
    def ended(self) -> dict[int, Job | None]:
        """Jobs that ended, as their records have them."""
        return {job_id: record.job for job_id, record in self.records.items()}

    def plan(self) -> tuple[int, ...]:
        """Plan, judge the plan, and grant what it starts; the ids."""
        self.do(*due(self.state, self.tick()))
        snapshot = self.state.snapshot(self.time)
        plan = self._policy.plan(snapshot)
        verify(plan, snapshot)
        granted = decide.allocate(self.state, plan, self.time)
        self.do(*granted)
        work = feed(self.state, self.time)
        if work:
            self.do(*work)
        return tuple(event.job_id for event in granted if isinstance(event, AllocationGranted | WorkerGranted | SlotGranted))

    def say(self, node: str, *statuses: ContainerStatus) -> list[Command]:
        """An agent's full report."""
        return self.do(*decide.report(self.state, node, statuses, self.tick()))

    def tell(self, node: str, status: ContainerStatus) -> list[Command]:
        return self.do(ContainerReported(self.tick(), node, status))

    def clean(self, node: str, job_id: int) -> list[Command]:
        return self.do(ContainerGone(self.tick(), node, job_id))

    def start(self, spec: JobSpec = TRUE) -> int:
        """A new job that has been granted its nodes."""
        (job_id,) = self.submit(spec)
        assert self.plan() == (job_id,)
        return job_id

    def run(self, spec: JobSpec = TRUE) -> int:
        """A new job that runs on all its nodes."""
        job_id = self.start(spec)
        for name in self.state.jobs[job_id].allocation.nodes:  # type: ignore[union-attr]
            self.tell(name, running(job_id, self.time))
        return job_id
