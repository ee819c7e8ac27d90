"""What a worker tells of the tasks that run in it: to the array that they are of, or to the small job that is one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hpcsched.model.array import Assigned, parse_array, with_bits
from hpcsched.model.container import ContainerStatus, EndCause, Phase, TaskEnd, Usage, WorkStatus
from hpcsched.model.job import Job, JobState
from hpcsched.model.ranges import Ranges, common, count, normal, union, without
from hpcsched.state.arrays import give_back, had_node_s, hungry_workers, nodes_of, settle, with_failures
from hpcsched.state.commands import Command, JobChanged, Replan, SyncNode
from hpcsched.state.ending import between, finish, wait_again
from hpcsched.state.tables import Tables
from hpcsched.state.transitions import JobStep, end_step, next_state

_CODES = {EndCause.TIMEOUT: 124, EndCause.OUT_OF_MEMORY: 137}
_GIVEN_BACK = frozenset({EndCause.CANCELLED, EndCause.STOPPED})


def news(job: Job, work: Assigned, status: WorkStatus) -> WorkStatus | None:
    """What of a status is not known yet; None: nothing. What was told before the job was requeued is of another life."""
    if status.restarts != job.restarts:
        return None
    done = common(normal(status.done), work.ranges)
    ended = tuple({end.position: end for end in status.ended if _within(end.position, without(work.ranges, done))}.values())
    begun = status.started > 0 and job.state is not JobState.RUNNING
    return replace(status, done=done, ended=ended) if done or ended or begun else None


def task_news(tables: Tables, worker: Job, work: Assigned, status: WorkStatus, time: float) -> list[Command]:
    """`status` holds news alone."""
    job = tables.jobs[work.job_id]
    tables.hungry.add(worker.id)
    if job.array is None:
        return _small(tables, worker, job, status, time)
    return _array(tables, worker, job, work, status, time)


def _array(tables: Tables, worker: Job, job: Job, work: Assigned, status: WorkStatus, time: float) -> list[Command]:
    ended = union(status.done, _positions(status.ended))
    rest = replace(work, ranges=without(work.ranges, ended), cpu_s=max(work.cpu_s, status.cpu_s))
    tables.put_job(with_work(worker, _with_rate(rest, count(ended), time)))
    was = job.state
    job = _used(_counted(_begun(job, status, time), status), rest.cpu_s - work.cpu_s, status.max_rss)
    if parse_array(job.spec.array).throttle:
        hungry_workers(tables, job)
    changed = [] if job.state is was else [JobChanged(job.id)]
    return [*(SyncNode(name) for name in nodes_of(tables, worker.id)), *changed, *settle(tables, job, time)]


def _begun(job: Job, status: WorkStatus, time: float) -> Job:
    state = next_state(job, JobStep.TASK_STARTED)
    if state is None:
        return job
    return replace(job, state=state, start_time=between(job.submit_time, status.start_time, time))


def _counted(job: Job, status: WorkStatus) -> Job:
    """A task that was stopped though nobody cancelled the array was stopped with its worker, and waits again."""
    progress = job.array
    assert progress is not None
    stopped = [end for end in status.ended if end.cause in _GIVEN_BACK]
    failures = [(end.position, _how(end)) for end in status.ended if end.cause not in _GIVEN_BACK]
    out = progress.out - count(status.done) - len(status.ended)
    ok = with_bits(progress.ok, status.done) if status.done else progress.ok
    progress = replace(progress, out=out, ok=ok, done=progress.done + count(status.done), launch_failures=0)
    if failures:
        worst = max(_code(end) for end in status.ended if end.cause not in _GIVEN_BACK)
        progress = replace(with_failures(progress, failures), exit_code=max(progress.exit_code, worst))
    if job.cancel_requested:
        return replace(job, array=replace(progress, cancelled=progress.cancelled + len(stopped)))
    again = union(progress.again, _positions(stopped))
    return replace(job, array=replace(progress, again=again))


def _used(job: Job, cpu_s: float, max_rss: int) -> Job:
    assert job.array is not None
    return replace(job, array=replace(job.array, cpu_s=job.array.cpu_s + cpu_s, max_rss=max(job.array.max_rss, max_rss)))


def _how(end: TaskEnd) -> str:
    how = f"exit code {end.exit_code}" if end.exit_code is not None else f"signal {end.signal}" if end.signal else end.cause.value
    return f"{how}: {end.message}"[:200] if end.message else how


def _code(end: TaskEnd) -> int:
    """As `hpcsched run` exits for a job that ends so."""
    if end.cause in _CODES:
        return _CODES[end.cause]
    return end.exit_code or (128 + end.signal if end.signal else 1)


def _with_rate(work: Assigned, ended: int, time: float) -> Assigned:
    """The mean of what was known and of what has ended since."""
    if not ended:
        return replace(work, since=time) if not work.rate else work
    lately = ended / max(time - work.since, 1e-3)
    return replace(work, rate=(work.rate + lately) / 2 if work.rate else lately, since=time)


def with_work(worker: Job, work: Assigned) -> Job:
    """The worker with that one changed."""
    return replace(worker, assigned=tuple(work if other.job_id == work.job_id else other for other in worker.assigned))


def without_work(worker: Job, job_id: int) -> Job:
    return replace(worker, assigned=tuple(work for work in worker.assigned if work.job_id != job_id))


def _small(tables: Tables, worker: Job, job: Job, status: WorkStatus, time: float) -> list[Command]:
    """Its one task is it."""
    end = status.ended[0] if status.ended else TaskEnd(0, EndCause.EXIT, 0) if status.done else None
    if end is None:
        return _started(tables, job, status, time)
    tables.put_job(without_work(worker, job.id))
    told = [SyncNode(name) for name in nodes_of(tables, worker.id)]
    if end.cause not in _GIVEN_BACK or job.cancel_requested:
        return [*told, *end_small(tables, job, end, status, time), Replan()]
    return [*told, *_lose_small(tables, job, f"its worker {worker.id} was stopped", status, time)]


def _lose_small(tables: Tables, job: Job, why: str, status: WorkStatus, time: float) -> list[Command]:
    """Nobody cancelled it: it was ended to wait again, or is lost."""
    if job.requeue_requested:
        return wait_again(tables, job, job.message)
    return end_small(tables, job, TaskEnd(0, EndCause.LOST, message=why), status, time)


def _started(tables: Tables, job: Job, status: WorkStatus, time: float) -> list[Command]:
    state = next_state(job, JobStep.STARTED)
    if state is None:
        return []
    start = between(job.submit_time, status.start_time, time)
    part = ContainerStatus(job.id, Phase.RUNNING, start_time=start)
    tables.put_job(replace(job, state=state, start_time=start, parts=(part,)))
    return [JobChanged(job.id)]


def end_small(tables: Tables, job: Job, end: TaskEnd, status: WorkStatus, time: float) -> list[Command]:
    """A small job ends as its task did."""
    start = job.start_time or (between(job.submit_time, status.start_time, time) if status.started or status.done else 0.0)
    part = ContainerStatus(
        job.id,
        Phase.EXITED,
        cause=end.cause,
        exit_code=end.exit_code,
        signal=end.signal,
        message=end.message,
        usage=Usage(status.cpu_s, status.max_rss),
        start_time=start,
        end_time=status.end_time or time,
    )
    final = replace(
        job,
        parts=(part,),
        start_time=start,
        cause=end.cause,
        exit_code=end.exit_code,
        signal=end.signal,
        message=end.message,
    )
    return finish(tables, final, end_step(end.cause, end.exit_code), time)


def as_released(job: Job, status: ContainerStatus) -> ContainerStatus:
    """A worker that was let go and had nothing left has done all that it should."""
    if not job.dismissed or status.cause is not EndCause.STOPPED or any(work.ranges for work in job.assigned):
        return status
    return replace(status, cause=EndCause.EXIT, exit_code=0)


def abandon(tables: Tables, worker: Job, status: ContainerStatus, time: float) -> list[Command]:
    """The worker's container has ended: what it had and did not end goes back, and its small jobs end with it or wait again."""
    commands: list[Command] = []
    tables.hungry.discard(worker.id)
    cause = status.cause or EndCause.LOST
    for work in worker.assigned:
        job = tables.jobs[work.job_id]
        if job.array is None:
            commands += _end_with(tables, worker, job, cause, status.message, time)
        else:
            commands += _leave(tables, worker, job, work.ranges, cause, status.message, time)
    return commands


def _end_with(tables: Tables, worker: Job, job: Job, cause: EndCause, message: str, time: float) -> list[Command]:
    message = message or f"its worker {worker.id} has ended"
    if job.cancel_requested:
        return end_small(tables, job, TaskEnd(0, EndCause.CANCELLED), WorkStatus(job.id), time)
    if cause in (EndCause.LAUNCH_FAILED, EndCause.BINDING_MISMATCH) and not job.requeue_requested:
        return end_small(tables, job, TaskEnd(0, cause, message=message), WorkStatus(job.id), time)
    return _lose_small(tables, job, message, WorkStatus(job.id), time)


def _leave(tables: Tables, worker: Job, job: Job, ranges: Ranges, cause: EndCause, message: str, time: float) -> list[Command]:
    job = give_back(job, worker, ranges, cause, message or f"worker {worker.id} has ended")
    assert job.array is not None
    job = replace(job, array=replace(job.array, node_s=job.array.node_s + had_node_s(worker, time)))
    if job.array and job.state is JobState.PENDING and not job.array.left and not job.array.out:
        job = replace(job, state=JobState.RUNNING)
    return settle(tables, job, time)


def _within(position: int, ranges: Ranges) -> bool:
    return any(first <= position < end for first, end in ranges)


def _positions(ends: Iterable[TaskEnd]) -> Ranges:
    return normal((end.position, end.position + 1) for end in ends)
