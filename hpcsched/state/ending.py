"""How a job leaves memory."""

from __future__ import annotations

from hpcsched.model.job import Job, JobState, Reason, changed_job
from hpcsched.sched.giving import HOLD_S
from hpcsched.state.commands import Command, JobChanged, RecordJob, Replan
from hpcsched.state.records import record_of
from hpcsched.state.tables import Tables
from hpcsched.state.transitions import REASONS, JobStep, next_state

MAX_RESTARTS = 1000


def finish(tables: Tables, job: Job, step: JobStep, time: float) -> list[Command]:
    """The job leaves memory in the state that the table gives for that step."""
    state = next_state(job, step)
    assert state is not None
    if state is JobState.PENDING or (step is JobStep.LOST and may_run_again(job)):
        return wait_again(tables, job, job.message)
    last = max((part.end_time for part in job.parts if part), default=0.0)
    end_time = between(job.start_time or job.submit_time, last, time)
    stood = max(0.0, end_time - job.suspend_time) if job.suspend_time else 0.0
    final = changed_job(
        job,
        state=state,
        reason=REASONS[step],
        end_time=end_time,
        suspended_s=job.suspended_s + stood,
        suspend_time=0.0,
    )
    tables.drop_job(final)
    told: list[Command] = [] if job.spec.canary else [RecordJob(record_of(final))]
    return [*told, JobChanged(job.id), Replan()]


def may_run_again(job: Job) -> bool:
    """After the loss of a node. Arrays, workers and canaries have their own ways."""
    whole = job.array is None and not job.is_worker and not job.spec.canary
    return whole and job.spec.requeue and not job.cancel_requested and job.restarts < MAX_RESTARTS


def wait_again(tables: Tables, job: Job, why: str) -> list[Command]:
    """The job, whose nodes or slot are its own no longer, as if it had just been submitted."""
    tables.put_job(
        changed_job(
            job,
            state=JobState.PENDING,
            reason=Reason.NONE,
            message=why,
            start_time=0.0,
            granted_time=0.0,
            eligible_time=0.0,
            allocation=None,
            parts=(),
            cause=None,
            exit_code=None,
            signal=None,
            suspended_s=0.0,
            suspend_time=0.0,
            not_before=tables.last_time + HOLD_S if job.preempt_mode else 0.0,
            preempt_mode=None,
            preempt_grace_s=0,
            worker=None,
            requeue_requested=False,
            left_worker=job.worker if job.worker in tables.leaving else None,
            restarts=job.restarts + 1,
        )
    )
    return [JobChanged(job.id), Replan()]


def between(low: float, told: float, high: float) -> float:
    """What a node's clock told, kept in what is possible; 0 told is `high`."""
    return min(max(low, told or high), max(low, high))
