"""A client for tests of the command line: it answers from lists, and remembers what it was told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hpcsched.errors import HpcschedError, NotFound
from hpcsched.model.canary import NodeCanaries
from hpcsched.model.change import JobChange
from hpcsched.model.container import StepExit
from hpcsched.model.explanation import Explanation
from hpcsched.model.job import Job, JobSpec, JobState
from hpcsched.model.node import Node
from hpcsched.model.record import Record
from hpcsched.model.reservation import Reservation, ReservationRequest
from hpcsched.model.site_use import PartitionUse, QosUse, Share

Part = bytes | Job | BaseException


@dataclass(slots=True)
class FakeSession:
    """Says `says` (kind, bytes), then ends with `exit`."""

    says: Sequence[tuple[str, bytes]] = ()
    exit: StepExit | None = None
    sent: list[bytes] = field(default_factory=list)
    signals: list[int] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    input_closed: bool = False
    closed: bool = False

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        yield from self.says

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def close_stdin(self) -> None:
        self.input_closed = True

    def signal(self, number: int) -> None:
        self.signals.append(number)

    def resize(self, rows: int, columns: int) -> None:
        self.sizes.append((rows, columns))

    def close(self) -> None:
        self.closed = True


@dataclass(slots=True)
class FakeClient:
    """`readings`: what each call of `read_output` in turn hands out; an exception among the parts is raised.
    `readings_of`: the same by the name of a node, for calls that name one.

    `refuses`: errors by job id or node name, for calls that change one.
    """

    known: list[Job] = field(default_factory=list)
    cluster: list[Node] = field(default_factory=list)
    kept: list[Record] = field(default_factory=list)
    readings: list[Iterable[Part]] = field(default_factory=list)
    readings_of: dict[str, list[Iterable[Part]]] = field(default_factory=dict)
    session: FakeSession = field(default_factory=FakeSession)
    refuses: dict[int | str, HpcschedError] = field(default_factory=dict)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    specs: list[JobSpec] = field(default_factory=list)
    told: Explanation | None = None
    reserved: list[Reservation] = field(default_factory=list)
    parted: list[PartitionUse] = field(default_factory=list)
    served: list[QosUse] = field(default_factory=list)
    shared: list[Share] = field(default_factory=list)
    measured: list[NodeCanaries] = field(default_factory=list)
    timeout_s: float = 30.0

    def __enter__(self) -> FakeClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.calls.append(("close",))

    def submit(self, spec: JobSpec, request_id: str | None = None) -> int:
        self.specs.append(spec)
        return 12

    def job(self, job_id: int) -> Job:
        for job in self.known:
            if job.id == job_id:
                return job
        raise NotFound(f"no job {job_id}")

    def jobs(self, include_ended: bool = False, limit: int = 1000, include_workers: bool = False) -> list[Job]:
        shown = [job for job in self.known if include_workers or not (job.is_worker or job.spec.canary)]
        return [job for job in shown if include_ended or not job.state.ended][:limit]

    def explain(self, job: int | JobSpec) -> Explanation:
        self.calls.append(("explain", job))
        if self.told is None:
            raise NotFound(f"no job {job}")
        return self.told

    def wait(self, job_id: int, timeout_s: float | None = None) -> Job:
        self.calls.append(("wait", job_id))
        return self.job(job_id)

    def granted(self, job_id: int, timeout_s: float | None = None) -> Job:
        self.calls.append(("granted", job_id))
        return self.job(job_id)

    def cancel(self, job_id: int, tasks: str = "") -> Job:
        return self._change(f"cancel {tasks}".strip(), job_id)

    def hold(self, job_id: int) -> Job:
        return self._change("hold", job_id)

    def release(self, job_id: int) -> Job:
        return self._change("release", job_id)

    def requeue(self, job_id: int) -> Job:
        return self._change("requeue", job_id)

    def suspend(self, job_id: int) -> Job:
        return self._change("suspend", job_id)

    def resume_job(self, job_id: int) -> Job:
        return self._change("resume_job", job_id)

    def update(self, job_id: int, change: JobChange) -> Job:
        self._told("update", job_id, change)
        return self.job(job_id)

    def read_output(
        self, job_id: int, offset: int = 0, follow: bool = False, node: str = "", task: int | None = None
    ) -> Iterator[bytes | Job]:
        self.calls.append(("read_output", job_id, offset, follow, node))
        for part in (self.readings_of[node] if node else self.readings).pop(0):
            if isinstance(part, BaseException):
                raise part
            yield part

    def exec_step(self, job_id: int, argv: Sequence[str], **settings: Any) -> FakeSession:
        self.calls.append(("exec_step", job_id, tuple(argv), settings))
        return self.session

    def nodes(self) -> list[Node]:
        return self.cluster

    def canaries(self, node: str = "") -> list[NodeCanaries]:
        return [item for item in self.measured if node in ("", item.node)]

    def node(self, name: str) -> Node:
        for node in self.cluster:
            if node.name == name:
                return replace(node, canaries=next(iter(self.canaries(name)), None))
        raise NotFound(f"no node {name!r}")

    def drain(self, name: str, reason: str) -> Node:
        self._told("drain", name, reason)
        return replace(self.node(name), drain_reason=reason)

    def resume(self, name: str) -> Node:
        self._told("resume", name)
        return replace(self.node(name), drain_reason="")

    def reserve(self, wanted: ReservationRequest) -> Reservation:
        self._told("reserve", wanted.name, wanted)
        nodes = wanted.nodes or tuple(node.name for node in self.cluster[: wanted.count])
        return Reservation(wanted.name, wanted.start, wanted.start + wanted.duration_s, nodes)

    def reservations(self) -> list[Reservation]:
        return self.reserved

    def reservation(self, name: str) -> Reservation:
        for item in self.reserved:
            if item.name == name:
                return item
        raise NotFound(f"no reservation {name!r}")

    def unreserve(self, name: str) -> None:
        self._told("unreserve", name)

    def partitions(self) -> list[PartitionUse]:
        return self.parted

    def qos(self) -> list[QosUse]:
        return self.served

    def shares(self) -> list[Share]:
        return self.shared

    def records(self, limit: int = 1000, before_job_id: int = 0) -> list[Record]:
        self.calls.append(("records", limit, before_job_id))
        return self.kept[:limit]

    def _change(self, what: str, job_id: int) -> Job:
        self._told(what, job_id)
        return next((job for job in self.known if job.id == job_id), Job(job_id, JobSpec(), "r", JobState.PENDING, 0.0))

    def _told(self, what: str, target: int | str, *more: Any) -> None:
        self.calls.append((what, target, *more))
        if target in self.refuses:
            raise self.refuses[target]
