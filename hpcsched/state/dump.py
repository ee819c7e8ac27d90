"""The tables as bytes and back, small and fast for many waiting jobs that are alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hpcsched.errors import StoreCorrupt
from hpcsched.model.job import Job, JobSpec, JobState
from hpcsched.model.node import Node
from hpcsched.model.reservation import Reservation
from hpcsched.state import codec
from hpcsched.state.dependencies import Needs
from hpcsched.state.tables import Tables, hold

_FORMAT = 2
_OLDEST = 1


_Row = tuple[int, int, str, float, bool]


@dataclass(frozen=True, slots=True)
class _Dump:
    """`active`: jobs that are more than what was submitted, by rising id but those with an allocation first, in their order.

    `waiting`: id, index of the spec, request id, submit time, held. `eligible`: the eligible time of each (not in format 1).
    """

    format: int
    last_time: float
    next_job_id: int
    nodes: tuple[Node, ...]
    active: tuple[Job, ...]
    specs: tuple[JobSpec, ...]
    waiting: tuple[_Row, ...]
    eligible: tuple[float, ...] = ()
    needs: tuple[tuple[int, Needs], ...] = ()
    reservations: tuple[Reservation, ...] = ()
    usage: tuple[tuple[str, str, float, float], ...] = ()
    table_usage: tuple[tuple[str, str, float, float], ...] = ()
    served: tuple[str, ...] = ()
    user_usage: tuple[tuple[str, str, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class _Head:
    format: int


_HEADS = codec.decoder(_Head)
_DECODER = codec.decoder(_Dump)


def dump(tables: Tables) -> bytes:
    others = [job for job in tables.jobs.values() if job.id not in tables.active]
    plain = [job for job in others if job == _plain(job)]
    rest = [job for job in others if job != _plain(job)]
    specs, places = codec.shared(job.spec for job in plain)
    rows = tuple((job.id, at, job.request_id, job.submit_time, job.held) for job, at in zip(plain, places, strict=True))
    return codec.encode_value(
        _Dump(
            _FORMAT,
            tables.last_time,
            tables.next_job_id,
            tuple(tables.nodes.values()),
            (*tables.active.values(), *rest),
            specs,
            rows,
            tuple(job.eligible_time for job in plain),
            tuple(tables.dependencies.needs.items()),
            tuple(tables.reservations.values()),
            tables.usage.rows(),
            tables.table_usage.rows(),
            tuple(tables.served),
            tables.user_usage.rows(),
        )
    )


def _plain(job: Job) -> Job:
    """A waiting job of that id as its row gives it back."""
    return _waiting_job(job.id, job.spec, job.request_id, job.submit_time, job.held, job.eligible_time)


def _waiting_job(job_id: int, spec: JobSpec, request_id: str, submitted: float, held: bool, eligible: float) -> Job:
    job = Job(job_id, spec, request_id, JobState.PENDING, submitted, eligible_time=eligible)
    return hold(job) if held else job


def fill(tables: Tables, body: bytes) -> None:
    """Put a dump into empty tables. Raises StoreCorrupt."""
    head = codec.decode_value(_HEADS, body, "the snapshot")
    if not _OLDEST <= head.format <= _FORMAT:
        raise StoreCorrupt(
            f"the snapshot has format {head.format}, this version of hpcsched reads {_OLDEST} to {_FORMAT}: "
            "use the version that wrote it"
        )
    found = codec.decode_value(_DECODER, body, "the snapshot")
    tables.last_time = found.last_time
    tables.reservations = {item.name: item for item in found.reservations}
    tables.usage.fill(found.usage)
    tables.table_usage.fill(found.table_usage)
    tables.served = dict.fromkeys(found.served)
    tables.user_usage.fill(found.user_usage)
    for node in found.nodes:
        tables.put_node(replace(node, offer=tables.offers.shared(node.offer)))
    for job_id, needs in found.needs:
        tables.dependencies.keep(job_id, needs)
    for job in sorted((*found.active, *_waiting(found)), key=lambda job: job.id):
        tables.add_job(job, known=True)
    tables.active = {job.id: tables.jobs[job.id] for job in found.active if job.allocation is not None}
    tables.hungry = {job.id for job in found.active if job.is_worker}
    tables.giving = {job.id for job in found.active if job.preempt_mode is not None}
    tables.next_job_id = found.next_job_id


def _waiting(found: _Dump) -> list[Job]:
    """Format 1 knew nothing that could keep a job from being eligible when it was submitted, but being held."""
    if any(not 0 <= row[1] < len(found.specs) for row in found.waiting):
        raise StoreCorrupt("cannot read the snapshot: a job without its spec")
    eligible = found.eligible or tuple(0.0 if held else submitted for _, _, _, submitted, held in found.waiting)
    if len(eligible) != len(found.waiting):
        raise StoreCorrupt("cannot read the snapshot: a job without its eligible time")
    return [
        _waiting_job(job_id, found.specs[at], request_id, submitted, held, since)
        for (job_id, at, request_id, submitted, held), since in zip(found.waiting, eligible, strict=True)
    ]
