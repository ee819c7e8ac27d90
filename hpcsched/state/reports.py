"""An agent's full report against what is known: the differences are events."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from hpcsched.errors import InvalidValue
from hpcsched.model.container import ContainerStatus, Phase
from hpcsched.model.node import Node
from hpcsched.state.events import ContainerGone, ContainerReported, Event
from hpcsched.state.parts import ended, lost, part_index
from hpcsched.state.state import State

MAX_STATUSES = 10_000
MAX_MESSAGE = 4096


def report(state: State, node: str, statuses: Sequence[ContainerStatus], now: float) -> list[Event]:
    """What changed on that node. A container that ran and is not in the report is lost; one that never did may still be coming.

    Raises InvalidValue when the report is malformed.
    """
    known = state.nodes.get(node)
    if known is None:
        return []
    reported = _by_job(statuses)
    return [*_part_events(state, known, reported, now), *_gone(known, reported, now)]


def _by_job(statuses: Sequence[ContainerStatus]) -> dict[int, ContainerStatus]:
    if len(statuses) > MAX_STATUSES:
        raise InvalidValue(f"a report of {len(statuses)} containers, at most {MAX_STATUSES}")
    reported = {status.job_id: _checked(status) for status in statuses}
    if len(reported) != len(statuses):
        raise InvalidValue("a report names a job twice")
    return reported


def _part_events(state: State, node: Node, reported: Mapping[int, ContainerStatus], now: float) -> Iterator[Event]:
    job = state.active.get(node.job_id) if node.job_id is not None else None
    index = part_index(job, node.name) if job else None
    if job is None or index is None or ended(job.parts[index]):
        return
    status, known = reported.get(job.id), job.parts[index]
    if status is None and known is not None:
        why = f"node {node.name} no longer has the job's container"
        yield ContainerReported(now, node.name, lost(known, why, now))
        yield ContainerGone(now, node.name, job.id)
    elif status is not None and status.phase is not Phase.STARTING and status.phase is not (known and known.phase):
        yield ContainerReported(now, node.name, status)


def _gone(node: Node, reported: Mapping[int, ContainerStatus], now: float) -> Iterator[Event]:
    yield from (ContainerGone(now, node.name, job_id) for job_id in node.cleaning if job_id not in reported)


def _checked(status: ContainerStatus) -> ContainerStatus:
    """Raises InvalidValue on numbers that the journal could not keep."""
    times = (status.start_time, status.end_time, status.usage.cpu_s)
    if not all(math.isfinite(number) and number >= 0 for number in times):
        raise InvalidValue(f"job {status.job_id}: a report with time {times}")
    if len(status.message) > MAX_MESSAGE:
        raise InvalidValue(
            f"job {status.job_id}: a report with a message of {len(status.message)} characters, at most {MAX_MESSAGE}"
        )
    return status
