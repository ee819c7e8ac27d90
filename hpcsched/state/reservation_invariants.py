"""What must be true of reservations after every event."""

from __future__ import annotations

from collections.abc import Iterator

from hpcsched.model.job import Job
from hpcsched.model.reservation import Reservation
from hpcsched.sched.reserved import horizon, window
from hpcsched.state.tables import Tables


def reservations_broken(tables: Tables) -> Iterator[str]:
    """A job that got its nodes after a reservation was made ends, by its limit, before a window that it is not in."""
    for name, item in tables.reservations.items():
        if item.name != name or not item.start < item.end or not item.nodes:
            yield f"reservation {item.name} is kept under name {name}, from {item.start} to {item.end}, with nodes {item.nodes}"
        nodes = frozenset(item.nodes)
        for job in tables.active.values():
            yield from _job(item, nodes, job)


def _job(item: Reservation, nodes: frozenset[str], job: Job) -> Iterator[str]:
    if job.allocation is None or job.granted_time < item.made or job.worker is not None:
        return
    found, until = window(item, job.granted_time), horizon(job.spec, job.granted_time)
    if job.spec.reservation == item.name:
        if found is None or not found.start <= job.granted_time < found.end or not nodes.issuperset(job.allocation.nodes):
            yield f"job {job.id} got {job.allocation.nodes} at {job.granted_time}, outside its reservation {item.name}"
    elif found is not None and found.start < until and not nodes.isdisjoint(job.allocation.nodes):
        yield f"job {job.id} got {job.allocation.nodes} until {until}, which reservation {item.name} has from {found.start}"
