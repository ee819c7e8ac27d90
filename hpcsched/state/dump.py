"""The tables as bytes and back, small and fast for many waiting jobs that are alike."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsched.errors import StoreCorrupt
from hpcsched.model.job import Job, JobSpec, JobState
from hpcsched.model.node import Node
from hpcsched.state import codec
from hpcsched.state.tables import Tables, hold

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class _Dump:
    """`waiting`: id, index of the spec, request id, submit time, held."""

    format: int
    last_time: float
    next_job_id: int
    nodes: tuple[Node, ...]
    active: tuple[Job, ...]
    specs: tuple[JobSpec, ...]
    waiting: tuple[tuple[int, int, str, float, bool], ...]


_DECODER = codec.decoder(_Dump)


def dump(tables: Tables) -> bytes:
    waiting = [job for job in tables.jobs.values() if job.state is JobState.PENDING]
    specs, places = codec.shared(job.spec for job in waiting)
    rows = tuple((job.id, place, job.request_id, job.submit_time, job.held) for job, place in zip(waiting, places, strict=True))
    return codec.encode_value(
        _Dump(
            _FORMAT,
            tables.last_time,
            tables.next_job_id,
            tuple(tables.nodes.values()),
            tuple(tables.active.values()),
            specs,
            rows,
        )
    )


def fill(tables: Tables, body: bytes) -> None:
    """Put a dump into empty tables. Raises StoreCorrupt."""
    found = codec.decode_value(_DECODER, body, "the snapshot")
    if found.format != _FORMAT:
        raise StoreCorrupt(
            f"the snapshot has format {found.format}, this version of hpcsched reads {_FORMAT}: use the version that wrote it"
        )
    for node in found.nodes:
        tables.put_node(node)
    for job in sorted((*found.active, *_waiting(found)), key=lambda job: job.id):
        tables.add_job(job)
    tables.active = {job.id: job for job in found.active}
    tables.last_time, tables.next_job_id = found.last_time, found.next_job_id


def _waiting(found: _Dump) -> list[Job]:
    if any(not 0 <= place < len(found.specs) for _, place, *_ in found.waiting):
        raise StoreCorrupt("cannot read the snapshot: a job without its spec")
    return [
        hold(job) if held else job
        for job_id, place, request_id, submit_time, held in found.waiting
        for job in (Job(job_id, found.specs[place], request_id, JobState.PENDING, submit_time),)
    ]
