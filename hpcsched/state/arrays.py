"""How an array comes to its end, and what becomes of tasks whose worker is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hpcsched.model.array import ArrayProgress, parse_array
from hpcsched.model.container import EndCause
from hpcsched.model.job import Job, JobState
from hpcsched.model.ranges import Ranges, common, count, first_of, union, without
from hpcsched.state.commands import Command, JobChanged, Replan, SyncNode
from hpcsched.state.ending import finish
from hpcsched.state.tables import Tables
from hpcsched.state.transitions import JobStep

MAX_LOSSES = 3
"""So many workers may be lost with a task, or fail to start in a row, before it is given up."""
MAX_FAILURES = 10
"""Failed tasks that an array tells of."""
_NO_CODE = (JobStep.CANCELLED, JobStep.TOO_LATE)


def settle(tables: Tables, job: Job, time: float) -> list[Command]:
    """Keep the array with its new progress; it ends when no task is out and none will be given out any more."""
    progress = job.array
    assert progress is not None
    if progress.out or not _is_over(job, progress):
        tables.put_job(job)
        return []
    rest = progress.size - progress.ended
    held_s = sum(had_node_s(tables.jobs[number], time) for number in progress.workers if number in tables.jobs)
    progress = replace(progress, cancelled=progress.cancelled + rest, again=(), next=progress.size, workers=(), follows=())
    progress = replace(progress, node_s=progress.node_s + held_s)
    commands = _free_workers(tables, job)
    step = _end_step(job, progress)
    begun = replace(job, state=JobState.RUNNING) if step is not JobStep.CANCELLED else job
    code = 0 if step is JobStep.DONE else None if step in _NO_CODE else max(1, progress.exit_code)
    final = replace(begun, array=progress, exit_code=code, message=_told(job, progress))
    return commands + finish(tables, final, step, time)


def had_node_s(worker: Job, time: float) -> float:
    """For how long it had its node, without the time in which it was suspended."""
    return max(0.0, (worker.suspend_time or time) - worker.granted_time - worker.suspended_s)


def end_those_over(tables: Tables, time: float) -> list[Command]:
    """Arrays that have run and whose other tasks waited in vain; the end of one may be that of another."""
    commands: list[Command] = []
    while tables.over:
        tables.over.discard(first := min(tables.over))
        job = tables.jobs.get(first)
        if job is not None and job.array is not None and job.state is JobState.RUNNING:
            commands += settle(tables, job, time)
    return commands


def _is_over(job: Job, progress: ArrayProgress) -> bool:
    return job.cancel_requested or progress.launch_failures >= MAX_LOSSES or not (progress.left or progress.follows)


def _end_step(job: Job, progress: ArrayProgress) -> JobStep:
    if progress.launch_failures >= MAX_LOSSES:
        return JobStep.LAUNCH_FAILED
    if job.cancel_requested and progress.cancelled:
        return JobStep.CANCELLED
    if progress.late:
        return JobStep.TOO_LATE
    if progress.failed or progress.barred:
        return JobStep.NON_ZERO
    return JobStep.CANCELLED if progress.cancelled else JobStep.DONE


def _told(job: Job, progress: ArrayProgress) -> str:
    if progress.launch_failures >= MAX_LOSSES:
        return f"{MAX_LOSSES} workers in a row could not be started: {job.message}"
    parts = []
    if progress.failed:
        parts.append(f"{progress.failed} of {progress.size} tasks failed{_first(job, progress)}")
    if progress.late:
        parts.append(f"{progress.late} of {progress.size} tasks could not have ended by the deadline")
    if (others := progress.cancelled - progress.barred - progress.late) > 0:
        parts.append(f"{others} of {progress.size} tasks were cancelled")
    if progress.barred:
        why = "because those that they wait for did not end well"
        parts.append(f"{progress.barred} of {progress.size} tasks never ran, {why}")
    return "; ".join(parts)


def _first(job: Job, progress: ArrayProgress) -> str:
    if not progress.failures:
        return ""
    position, how = progress.failures[0]
    return f", the first known is task {parse_array(job.spec.array).task_id(position)}: {how}"


def _free_workers(tables: Tables, job: Job) -> list[Command]:
    """Its slots in all workers are free."""
    assert job.array is not None
    for worker_id in job.array.workers:
        worker = tables.jobs.get(worker_id)
        if worker is not None:
            tables.put_job(replace(worker, assigned=tuple(work for work in worker.assigned if work.job_id != job.id)))
            tables.hungry.add(worker_id)
    return [SyncNode(name) for worker_id in job.array.workers for name in nodes_of(tables, worker_id)]


def nodes_of(tables: Tables, worker_id: int) -> tuple[str, ...]:
    worker = tables.jobs.get(worker_id)
    return worker.allocation.nodes if worker and worker.allocation else ()


def cancel_array(tables: Tables, job: Job, time: float) -> list[Command]:
    """It has been asked to cancel: what workers have of it ends there first."""
    assert job.array is not None
    told = [SyncNode(name) for worker_id in job.array.workers for name in nodes_of(tables, worker_id)]
    return [*told, *settle(tables, job, time), JobChanged(job.id), Replan()]


def hungry_workers(tables: Tables, job: Job) -> None:
    """There may be more for each of its workers."""
    tables.hungry.update(job.array.workers if job.array else ())


def with_failures(progress: ArrayProgress, failures: Sequence[tuple[int, str]]) -> ArrayProgress:
    """So many more failed, of which the first few are told."""
    kept = (*progress.failures, *failures)[:MAX_FAILURES]
    return replace(progress, failed=progress.failed + len(failures), failures=kept)


def give_back(job: Job, worker: Job, ranges: Ranges, cause: EndCause, message: str) -> Job:
    """The array without that worker, whose tasks `ranges` had not ended. They wait again, unless that happened too often."""
    progress = job.array
    assert progress is not None
    workers = tuple(number for number in progress.workers if number != worker.id)
    progress = replace(progress, workers=workers, out=progress.out - count(ranges))
    if cause in (EndCause.LAUNCH_FAILED, EndCause.BINDING_MISMATCH):
        progress = replace(progress, launch_failures=progress.launch_failures + 1)
        return replace(job, array=_waits_again(progress, ranges), message=message)
    deliberate = worker.cancel_requested or worker.preempted_by is not None
    return replace(job, array=_waits_again(progress, ranges) if deliberate else _lost(progress, ranges, message))


def _waits_again(progress: ArrayProgress, ranges: Ranges) -> ArrayProgress:
    return replace(progress, again=union(progress.again, ranges))


def _lost(progress: ArrayProgress, ranges: Ranges, message: str) -> ArrayProgress:
    """Nobody knows how far they were, so each runs again, up to `MAX_LOSSES` times in all."""
    dead = common(ranges, progress.lost_twice)
    twice = union(progress.lost_twice, common(ranges, progress.lost_once))
    progress = replace(progress, lost_once=union(progress.lost_once, ranges), lost_twice=twice)
    told = [(position, f"its worker was lost {MAX_LOSSES} times: {message}") for position in _positions(dead, MAX_FAILURES)]
    failed, shown = count(dead), with_failures(progress, told)
    return _waits_again(replace(shown, failed=progress.failed + failed), without(ranges, dead))


def _positions(ranges: Ranges, most: int) -> list[int]:
    return [position for first, end in first_of(ranges, most) for position in range(first, end)]
