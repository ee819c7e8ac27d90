"""An agent's full report against what is known: the differences are events."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from hpcsched.errors import InvalidValue
from hpcsched.model.array import MAX_TASKS
from hpcsched.model.container import ContainerStatus, EndCause, Phase, WorkStatus
from hpcsched.model.job import Job
from hpcsched.model.node import Node
from hpcsched.state.events import ContainerGone, ContainerReported, Event, NodeDrained, WorkReported
from hpcsched.state.parts import ended, lost, part_index
from hpcsched.state.state import State
from hpcsched.state.task_ends import news

MAX_STATUSES = 10_000
MAX_MESSAGE = 4096
MAX_WORKS = 10_000
MAX_ENDS = 100_000
MAX_REASON = 200


def report(state: State, node: str, statuses: Sequence[ContainerStatus], now: float, faults: Sequence[str] = ()) -> list[Event]:
    """What changed on that node. A container that ran and is not in the report is lost; one that never did may still be coming.

    A node with `faults` is drained before its last container counts as gone. Raises InvalidValue when the report is malformed.
    """
    known = state.nodes.get(node)
    if known is None:
        return []
    reported = _by_job(statuses)
    parts = list(_part_events(state, known, reported, now))
    return [*_unwell(known, [*faults, *_misbound(parts)], now), *parts, *_gone(known, reported, now)]


def _misbound(parts: Sequence[Event]) -> Iterator[str]:
    """A node on which the kernel shows another binding than the one asked for can be trusted with no job."""
    for part in parts:
        if isinstance(part, ContainerReported) and part.status.cause is EndCause.BINDING_MISMATCH:
            yield f"job {part.status.job_id}: {part.status.message}"


def _unwell(node: Node, faults: Sequence[str], now: float) -> Iterator[Event]:
    """A node that someone has drained keeps that reason."""
    if faults and not node.drain_reason:
        told = printable("; ".join(faults))
        yield NodeDrained(now, node.name, told if len(told) <= MAX_REASON else told[: MAX_REASON - 3] + "...")


def printable(text: str) -> str:
    """On one line, without control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _by_job(statuses: Sequence[ContainerStatus]) -> dict[int, ContainerStatus]:
    if len(statuses) > MAX_STATUSES:
        raise InvalidValue(f"a report of {len(statuses)} containers, at most {MAX_STATUSES}")
    reported = {status.job_id: _checked(status) for status in statuses}
    if len(reported) != len(statuses):
        raise InvalidValue("a report names a job twice")
    return reported


def _part_events(state: State, node: Node, reported: Mapping[int, ContainerStatus], now: float) -> Iterator[Event]:
    for job_id in (node.job_id, *node.suspended):
        job = state.active.get(job_id) if job_id is not None else None
        index = part_index(job, node.name) if job else None
        if job is not None and index is not None and not ended(job.parts[index]):
            yield from _of_job(state, node, job, job.parts[index], reported.get(job.id), now)


def _of_job(
    state: State, node: Node, job: Job, known: ContainerStatus | None, status: ContainerStatus | None, now: float
) -> Iterator[Event]:
    """What its tasks came to goes ahead of the end of a worker."""
    if status is not None and job.is_worker:
        yield from _work_events(state, node, job, status.works, now)
        status = replace(status, works=())
    if status is None and known is not None:
        why = f"node {node.name} no longer has the job's container"
        yield ContainerReported(now, node.name, lost(known, why, now))
        yield ContainerGone(now, node.name, job.id)
    elif status is not None and status.phase is not Phase.STARTING and _is_news(status, known):
        yield ContainerReported(now, node.name, status)


def _is_news(status: ContainerStatus, known: ContainerStatus | None) -> bool:
    """Another phase, frozen or thawed, or more observed: a job's tasks start after its container."""
    if known is None or status.phase is not known.phase or status.suspended is not known.suspended:
        return True
    return (status.observed or known.observed) != known.observed


def _work_events(state: State, node: Node, worker: Job, statuses: Sequence[WorkStatus], now: float) -> Iterator[Event]:
    by_job = {status.job_id: status for status in statuses}
    for work in worker.assigned:
        status, job = by_job.get(work.job_id), state.jobs[work.job_id]
        told = news(job, work, status) if status else None
        if told:
            yield WorkReported(now, node.name, worker.id, told)


def _gone(node: Node, reported: Mapping[int, ContainerStatus], now: float) -> Iterator[Event]:
    yield from (ContainerGone(now, node.name, job_id) for job_id in node.cleaning if job_id not in reported)


def _checked(status: ContainerStatus) -> ContainerStatus:
    """Raises InvalidValue on numbers that the journal could not keep."""
    times = (status.start_time, status.end_time, status.usage.cpu_s)
    if not all(math.isfinite(number) and number >= 0 for number in times):
        raise InvalidValue(f"job {status.job_id}: a report with time {times}")
    sampled = status.sampled
    shares = (sampled.misplaced, sampled.steal, sampled.others) if sampled else ()
    if not all(math.isfinite(number) for number in shares):
        raise InvalidValue(f"job {status.job_id}: a report with shares {shares}")
    _check_message(status.job_id, status.message)
    _check_works(status)
    return status


def _check_message(job_id: int, message: str) -> None:
    if len(message) > MAX_MESSAGE:
        raise InvalidValue(f"job {job_id}: a report with a message of {len(message)} characters, at most {MAX_MESSAGE}")


def _check_works(status: ContainerStatus) -> None:
    if len(status.works) > MAX_WORKS or len({work.job_id for work in status.works}) != len(status.works):
        raise InvalidValue(f"job {status.job_id}: a report of {len(status.works)} works, at most {MAX_WORKS} and none twice")
    for work in status.works:
        if len(work.done) > MAX_ENDS or len(work.ended) > MAX_ENDS:
            raise InvalidValue(f"job {work.job_id}: a report of more than {MAX_ENDS} ends of tasks at once")
        times = (work.start_time, work.end_time, work.cpu_s)
        if not all(math.isfinite(time) and time >= 0 for time in times):
            raise InvalidValue(f"job {work.job_id}: a report with times {times}")
        if any(not 0 <= first < end <= MAX_TASKS for first, end in work.done):
            raise InvalidValue(f"job {work.job_id}: a report with ranges of tasks that cannot be")
        for end in work.ended:
            _check_message(work.job_id, end.message)
