"""What there is to say about one task of an array."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hpcsched.errors import InvalidValue
from hpcsched.model.array import ArrayProgress, parse_array
from hpcsched.model.job import Job
from hpcsched.model.ranges import Ranges


@dataclass(frozen=True, slots=True)
class Task:
    """`state`: PENDING, RUNNING (or next), COMPLETED, FAILED, CANCELLED; `ENDED`: one of the last two, which is not kept."""

    job_id: int
    task_id: int
    state: str
    message: str = ""
    node: str = ""
    worker: int = 0


def task_of(job: Job, task_id: int, workers: Iterable[Job]) -> Task:
    """`workers`: the jobs of `job.array.workers` that could be had. Raises InvalidValue when there is no such task."""
    progress = job.array
    if progress is None:
        raise InvalidValue(f"job {job.id} is no array: it has no task {task_id}")
    position = parse_array(job.spec.array).position(task_id)
    found = _waiting(job, progress, task_id, position) or _out(job, task_id, position, workers)
    return found or _over(job, progress, task_id, position)


def _waiting(job: Job, progress: ArrayProgress, task_id: int, position: int) -> Task | None:
    for one in progress.follows:
        if _within(position, one.ranges):
            return Task(job.id, task_id, "PENDING", f"waits for task {one.job_id}_{task_id}")
    return Task(job.id, task_id, "PENDING", job.message) if _within(position, progress.waiting) else None


def _out(job: Job, task_id: int, position: int, workers: Iterable[Job]) -> Task | None:
    for worker in workers:
        if any(work.job_id == job.id and _within(position, work.ranges) for work in worker.assigned):
            return Task(job.id, task_id, "RUNNING", "runs, or is next in its worker", _node(worker), worker.id)
    return None


def _over(job: Job, progress: ArrayProgress, task_id: int, position: int) -> Task:
    how = dict(progress.failures).get(position)
    if progress.is_ok(position):
        return Task(job.id, task_id, "COMPLETED")
    if how is not None:
        return Task(job.id, task_id, "FAILED", how)
    if progress.failed > len(progress.failures):
        return Task(job.id, task_id, "ENDED", "it failed or was cancelled")
    return Task(job.id, task_id, "CANCELLED")


def facts(task: Task) -> list[tuple[str, str]]:
    """What is empty is left out."""
    found = [
        ("id", f"{task.job_id}_{task.task_id}"),
        ("state", task.state),
        ("message", task.message),
        ("node", task.node),
        ("worker", str(task.worker or "")),
        ("output", "" if task.state == "PENDING" else f"hpcsched logs {task.job_id}_{task.task_id}"),
    ]
    return [(name, value) for name, value in found if value]


def _node(worker: Job) -> str:
    return worker.allocation.nodes[0] if worker.allocation else ""


def _within(position: int, ranges: Ranges) -> bool:
    return any(first <= position < end for first, end in ranges)
