"""What the event that a job gives its nodes up does to the tables. A stale event does nothing."""

from __future__ import annotations

from dataclasses import replace

from hpcsched.model.job import Job, JobState, Reason
from hpcsched.model.site import PreemptMode
from hpcsched.state import events
from hpcsched.state.commands import Command, JobChanged, SyncNode
from hpcsched.state.parts import unfinished
from hpcsched.state.preemption import can_give, given_by, hand_over
from hpcsched.state.tables import Tables
from hpcsched.state.transitions import JobStep, next_state


def job_preempted(tables: Tables, event: events.JobPreempted) -> list[Command]:
    job = tables.jobs.get(event.job_id)
    if job is None or not can_give(job, event.mode):
        return []
    job = replace(job, preempted_by=event.by, preempt_mode=event.mode, preempt_grace_s=event.grace_s)
    if event.mode is PreemptMode.SUSPEND:
        job = _frozen(job, event)
    job = replace(job, message=_told(event))
    tables.put_job(job)
    still = [command for index in range(len(job.parts)) for command in hand_over(tables, job, index)]
    _tell_taker(tables, event)
    tables.giving = {number for number in tables.giving if _gives(tables, number)} | {job.id}
    return [*still, *(SyncNode(name) for name in unfinished(job)), JobChanged(job.id)]


def _tell_taker(tables: Tables, event: events.JobPreempted) -> None:
    taker = tables.jobs.get(event.by)
    if taker is not None and taker.state is JobState.PENDING and taker.array is None:
        tables.put_job(replace(taker, message=given_by(taker.message, event.job_id)))


def _gives(tables: Tables, job_id: int) -> bool:
    job = tables.jobs.get(job_id)
    return job is not None and job.preempt_mode is not None


def _frozen(job: Job, event: events.JobPreempted) -> Job:
    state = next_state(job, JobStep.SUSPENDED)
    assert state is not None
    return replace(job, state=state, suspend_time=event.time, reason=Reason.SUSPENDED)


def _told(event: events.JobPreempted) -> str:
    after = {
        PreemptMode.CANCEL: "and ends",
        PreemptMode.REQUEUE: "and will wait again",
        PreemptMode.SUSPEND: "and goes on when they are free",
    }
    return f"gives its nodes up for job {event.by} {after[event.mode]}"
