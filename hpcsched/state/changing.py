"""Intents that change a job in mid-life to events, or a refusal; nothing here changes the state. `now` is in Unix seconds."""

from __future__ import annotations

import math
from dataclasses import replace

from hpcsched.errors import Conflict, Infeasible, NotFound
from hpcsched.model.change import WHILE_RUNNING, JobChange
from hpcsched.model.job import Job, JobSpec, JobState, Reason
from hpcsched.model.ranges import union
from hpcsched.sched.check import check_spec
from hpcsched.state.change_handlers import is_whole
from hpcsched.state.depending import Ended, barred, require_no_cycle, settled
from hpcsched.state.ending import MAX_RESTARTS
from hpcsched.state.events import JobDropped, JobModified, JobRequeued, JobResumed, JobSuspended, TasksCancelled
from hpcsched.state.feasible import require_all_feasible
from hpcsched.state.preemption import may_go_on, waits_frozen
from hpcsched.state.reservations import check_longer
from hpcsched.state.settling import settle_change
from hpcsched.state.state import State


def requeue(state: State, job_id: int, now: float) -> list[JobRequeued]:
    """One that waits already, or will, is as wanted. Raises NotFound, Conflict."""
    job = _alive(state, job_id)
    if job.worker is None:
        _require_whole(job, "requeued")
    if job.state is JobState.PENDING or job.requeue_requested:
        return []
    if job.restarts >= MAX_RESTARTS:
        raise Conflict(f"job {job_id} was started {job.restarts + 1} times already, at most {MAX_RESTARTS + 1}: submit it again")
    return [JobRequeued(now, job_id, "requeued by hand")]


def suspend(state: State, job_id: int, now: float) -> list[JobSuspended]:
    """Raises NotFound, Conflict."""
    job = _whole(state, job_id, "suspended")
    if job.state is JobState.SUSPENDED:
        return []
    if job.state is not JobState.RUNNING:
        raise Conflict(f"job {job_id} is {job.state}: only a running job can be suspended")
    if job.preempt_mode is not None:
        raise Conflict(f"job {job_id} gives its nodes up for job {job.preempted_by}: it cannot be suspended now")
    return [JobSuspended(now, job_id)]


def resume(state: State, job_id: int, now: float) -> list[JobResumed]:
    """Raises NotFound, Conflict."""
    job = _whole(state, job_id, "resumed")
    if job.state is JobState.RUNNING:
        return []
    if job.state is not JobState.SUSPENDED:
        raise Conflict(f"job {job_id} is {job.state}: only a suspended job can be resumed")
    if waits_frozen(job) and not may_go_on(state, job):
        raise Conflict(f"the nodes of job {job_id} are in use by job {job.preempted_by}: it goes on by itself when they are free")
    return [JobResumed(now, job_id)]


def update(state: State, job_id: int, change: JobChange, now: float, ended: Ended) -> list[JobModified]:
    """`ended`: jobs of the new dependency that live no more. Raises NotFound, Conflict, InvalidValue, Infeasible, LookAgain."""
    job = _alive(state, job_id)
    _require_changeable(job, change)
    spec = change.of(job.spec)
    check_spec(spec)
    never = b""
    if change.dependency is not None:
        never = barred(state, spec, ended)
        spec = settled(state, spec, ended)
    if spec == job.spec:
        return []
    if job.state is JobState.PENDING and (spec.dependency, spec.title) != (job.spec.dependency, job.spec.title):
        require_no_cycle(state, replace(job, spec=spec))
    if job.state is JobState.PENDING or _is_longer(spec, job.spec):
        spec = settle_change(state, job.spec, spec)
    if job.state is JobState.PENDING:
        require_all_feasible(state, [spec])
        require_deadline(spec, now)
    check_longer(state, job, spec, now)
    return [JobModified(now, job_id, spec, never)]


def _is_longer(new: JobSpec, old: JobSpec) -> bool:
    return (new.time_limit_s or math.inf) > (old.time_limit_s or math.inf)


def _require_changeable(job: Job, change: JobChange) -> None:
    if job.is_worker:
        raise Conflict(f"job {job.id} is a worker, in whose container others run: change those")
    if job.spec.canary:
        raise Conflict(f"job {job.id} is a canary of the controller: it cannot be changed")
    fixed = sorted(set(change.given()) - WHILE_RUNNING)
    if job.state is not JobState.PENDING and fixed:
        raise Conflict(f"job {job.id} is {job.state}: its {fixed[0]} can be changed only while it is pending")
    if job.array is not None and job.array.workers and fixed:
        raise Conflict(f"tasks of job {job.id} have a node already: its {fixed[0]} can be changed only while none has")


def require_deadline(spec: JobSpec, now: float) -> None:
    """Raises Infeasible when even a start right now would be too late."""
    if spec.deadline and spec.deadline - spec.time_limit_s < max(now, spec.begin_time):
        raise Infeasible("it could not end by its deadline: give a later one (--deadline) or a shorter time limit (--time)")


def drops(state: State, now: float) -> list[JobDropped | TasksCancelled]:
    """Pending jobs, and tasks of arrays, that can no longer end by their deadline."""
    return [_drop(state.jobs[job_id], now) for job_id in state.deadlines.missed(now)]


def _drop(job: Job, now: float) -> JobDropped | TasksCancelled:
    """Of an array that runs, the tasks that wait; the others are ended at the deadline itself."""
    progress = job.array
    if progress is not None and (progress.workers or progress.ended):
        waits = union(progress.waiting, progress.following) if now <= job.spec.deadline else ((0, progress.size),)
        return TasksCancelled(now, job.id, waits, late=True)
    return JobDropped(now, job.id, JobState.DEADLINE, Reason.DEADLINE, "it could not have ended by its deadline any more")


def _alive(state: State, job_id: int) -> Job:
    job = state.jobs.get(job_id)
    if job is None:
        raise NotFound(f"there is no live job {job_id}; `hpcsched jobs --all` lists those that ended")
    if job.cancel_requested:
        raise Conflict(f"job {job_id} is being cancelled")
    return job


def _whole(state: State, job_id: int, done: str) -> Job:
    job = _alive(state, job_id)
    _require_whole(job, done)
    return job


def _require_whole(job: Job, done: str) -> None:
    if job.worker is not None:
        way = f"`hpcsched requeue {job.id}` puts it back into the queue"
        raise Conflict(f"job {job.id} runs beside others in the container of worker {job.worker}: it cannot be {done}; {way}")
    if not is_whole(job):
        kind = "a canary" if job.spec.canary else "a worker, in whose container others run"
        what = "an array" if job.array is not None else kind
        raise Conflict(f"job {job.id} is {what}: it cannot be {done}")
