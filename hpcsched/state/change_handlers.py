"""What each event that changes a job in mid-life does to the tables. A stale event does nothing."""

from __future__ import annotations

from dataclasses import replace

from hpcsched.model.job import Job, JobState, Reason
from hpcsched.model.ranges import of_bytes
from hpcsched.state import events
from hpcsched.state.commands import Command, JobChanged, RecordJob, Replan, SyncNode
from hpcsched.state.following import barred
from hpcsched.state.parts import give_up, unfinished
from hpcsched.state.preemption import may_go_on, take_back, waits_frozen
from hpcsched.state.records import record_of
from hpcsched.state.tables import Tables
from hpcsched.state.transitions import JobStep, next_state

GOES_ON = "goes on where it was frozen"


def job_requeued(tables: Tables, event: events.JobRequeued) -> list[Command]:
    job = tables.jobs.get(event.job_id)
    if job is None or next_state(job, JobStep.REQUEUED) is None or job.cancel_requested:
        return []
    if job.worker is not None:
        return _leave_slot(tables, job, event.why)
    return give_up(tables, job, event.why, event.time) if is_whole(job) else []


def _leave_slot(tables: Tables, job: Job, why: str) -> list[Command]:
    """Its task is ended in the container first, which others go on in; the slot is in use until then."""
    if job.requeue_requested:
        return []
    tables.put_job(replace(job, requeue_requested=True, message=why))
    return [*(SyncNode(name) for name in unfinished(job)), JobChanged(job.id)]


def is_whole(job: Job) -> bool:
    """It runs in containers of its own, as one."""
    return job.array is None and job.worker is None and not job.is_worker and not job.spec.canary


def job_suspended(tables: Tables, event: events.JobSuspended) -> list[Command]:
    job = tables.jobs.get(event.job_id)
    state = next_state(job, JobStep.SUSPENDED) if job and is_whole(job) else None
    if job is None or state is None or job.cancel_requested or job.preempt_mode is not None:
        return []
    tables.put_job(
        replace(
            job,
            state=state,
            suspend_time=event.time,
            reason=Reason.SUSPENDED,
            message=f"frozen until `hpcsched resume {job.id}`",
        )
    )
    return [*(SyncNode(name) for name in unfinished(job)), JobChanged(job.id), Replan()]


def job_resumed(tables: Tables, event: events.JobResumed) -> list[Command]:
    """One that was frozen for another job goes on when its nodes are free."""
    job = tables.jobs.get(event.job_id)
    state = next_state(job, JobStep.RESUMED) if job else None
    if job is None or state is None or (waits_frozen(job) and not may_go_on(tables, job)):
        return []
    told: list[Command] = []
    if waits_frozen(job):
        job, told = take_back(tables, job, event.time)
    tables.put_job(going_on(job, state, event.time))
    return [*told, *(SyncNode(name) for name in unfinished(job)), JobChanged(job.id), Replan()]


def going_on(job: Job, state: JobState, time: float) -> Job:
    """Its time goes on as well."""
    stood = max(0.0, time - job.suspend_time)
    return replace(job, state=state, suspended_s=job.suspended_s + stood, suspend_time=0.0, reason=Reason.NONE, message=GOES_ON)


def job_modified(tables: Tables, event: events.JobModified) -> list[Command]:
    job = tables.jobs.get(event.job_id)
    if job is None or job.cancel_requested:
        return []
    tables.put_job(replace(job, spec=event.spec))
    if event.barred:
        tables.put_job(barred(tables.jobs[job.id], of_bytes(event.barred)))
    workers = [tables.jobs[number] for number in job.array.workers] if job.array else []
    for worker in workers:
        tables.put_job(replace(worker, spec=replace(worker.spec, time_limit_s=event.spec.time_limit_s)))
    told = [name for item in (job, *workers) for name in unfinished(item)]
    return [*(SyncNode(name) for name in told), JobChanged(job.id), Replan()]


def job_dropped(tables: Tables, event: events.JobDropped) -> list[Command]:
    job = tables.jobs.get(event.job_id)
    if job is None or job.state is not JobState.PENDING or not event.state.ended or (job.array and job.array.workers):
        return []
    end_time = max(job.submit_time, event.time)
    final = replace(job, state=event.state, reason=event.reason, message=event.message, end_time=end_time)
    tables.drop_job(final)
    return [RecordJob(record_of(final)), JobChanged(job.id), Replan()]
