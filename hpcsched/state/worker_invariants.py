"""What must be true of arrays, workers and the small jobs in them after every event."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from hpcsched.model.array import ArrayProgress, Assigned, parse_array, translated
from hpcsched.model.job import Job
from hpcsched.model.ranges import Ranges, common, count, normal
from hpcsched.state.following import ended_well
from hpcsched.state.tables import Tables

_ANY_SIZE = 1 << 31


def workers_broken(tables: Tables) -> Iterator[str]:
    """A sentence for each that does not hold."""
    works: dict[int, list[tuple[Job, Assigned]]] = {}
    for worker in tables.jobs.values():
        for work in worker.assigned:
            works.setdefault(work.job_id, []).append((worker, work))
        yield from _worker(tables, worker)
    for job in tables.jobs.values():
        if job.array is not None:
            yield from _array(job, job.array, works.pop(job.id, []))
            yield from _follows(tables, job, job.array)
        elif job.worker is not None or job.id in works:
            yield from _small(job, works.pop(job.id, []))
        elif job.requeue_requested:
            yield f"job {job.id} is to leave a slot that it does not have"
    yield from (f"job {job_id} has work assigned and is not there" for job_id in works)


def _worker(tables: Tables, worker: Job) -> Iterator[str]:
    if worker.assigned and not worker.is_worker:
        yield f"job {worker.id} has work assigned and is no worker"
    if len({work.job_id for work in worker.assigned}) != len(worker.assigned):
        yield f"worker {worker.id} has two works of one job"
    slots = [slot for work in worker.assigned for slot in work.slots]
    for one, other in combinations(slots, 2):
        if not one.cpus.isdisjoint(other.cpus) or set(one.gpus) & set(other.gpus):
            yield f"worker {worker.id} has slots that share something: {one.cpus} and {other.cpus}"
    whole = worker.allocation.bindings[0].binding if worker.allocation else None
    if whole and any(not slot.cpus <= whole.cpus for slot in slots):
        yield f"worker {worker.id} has slots outside its container"


def _array(job: Job, progress: ArrayProgress, works: list[tuple[Job, Assigned]]) -> Iterator[str]:
    """Every position is out with one worker, waits, or has ended."""
    out = [work.ranges for _, work in works]
    live = [*out, progress.again, progress.following]
    if any(normal(ranges) != ranges for ranges in live):
        yield f"array {job.id} has ranges that are not in order: {live}"
    if any(common(one, other) for one, other in combinations(live, 2)):
        yield f"a task of array {job.id} is in two places: {live}"
    if any(common(ranges, ((progress.next, _ANY_SIZE),)) for ranges in live):
        yield f"a task of array {job.id} from {progress.next} on was given out"
    if progress.out != sum(map(count, out)):
        yield f"array {job.id} counts {progress.out} tasks out, workers have {out}"
    known = progress.left + progress.out + progress.ended + count(progress.following)
    if known != progress.size or not 0 <= progress.next <= progress.size:
        yield f"array {job.id} lost a task: {progress}"
    yield from _ok(job, progress, live)
    throttle = parse_array(job.spec.array).throttle
    if throttle and progress.out > throttle:
        yield f"array {job.id} has {progress.out} tasks out, at most {throttle}"
    if sorted(worker.id for worker, _ in works) != sorted(progress.workers):
        yield f"array {job.id} has workers {progress.workers}, work is assigned to {[worker.id for worker, _ in works]}"
    if job.allocation is not None:
        yield f"array {job.id} has nodes of its own"


def _follows(tables: Tables, job: Job, progress: ArrayProgress) -> Iterator[str]:
    """What waits for a task of another array waits for one that has not ended well."""
    if not {one.job_id for one in progress.follows} <= set(tables.dependencies.leaders(job.id)):
        yield f"array {job.id} follows {progress.follows} and needs {tables.dependencies.leaders(job.id)}"
    for one in progress.follows:
        leader = tables.jobs.get(one.job_id)
        if leader is None or not one.ranges:
            yield f"tasks {one.ranges} of array {job.id} wait for job {one.job_id}, which is gone"
        elif common(one.ranges, translated(ended_well(leader), parse_array(leader.spec.array), parse_array(job.spec.array))):
            yield f"tasks of array {job.id} wait for tasks of array {leader.id} that have ended well"


def _ok(job: Job, progress: ArrayProgress, live: list[Ranges]) -> Iterator[str]:
    if int.from_bytes(progress.ok, "little").bit_count() != progress.done:
        yield f"array {job.id} counts {progress.done} done and knows others"
    if any(progress.is_ok(first) or progress.is_ok(end - 1) for ranges in live for first, end in ranges):
        yield f"a task of array {job.id} that is done runs or waits"


def _small(job: Job, works: list[tuple[Job, Assigned]]) -> Iterator[str]:
    if [worker.id for worker, _ in works] != [job.worker]:
        yield f"job {job.id} is in worker {job.worker} and in {[worker.id for worker, _ in works]}"
    for worker, work in works:
        nodes = worker.allocation.nodes if worker.allocation else ()
        given = job.allocation.bindings[0].binding if job.allocation else None
        if work.slots != (given,) or work.ranges != ((0, 1),) or (job.allocation and job.allocation.nodes != nodes):
            yield f"job {job.id} has {job.allocation}, its worker has {work.slots} on {nodes}"
