"""How a job leaves memory."""

from __future__ import annotations

from dataclasses import replace

from hpcsched.model.job import Job
from hpcsched.state.commands import Command, JobChanged, RecordJob, Replan
from hpcsched.state.records import record_of
from hpcsched.state.tables import Tables
from hpcsched.state.transitions import REASONS, JobStep, next_state


def finish(tables: Tables, job: Job, step: JobStep, time: float) -> list[Command]:
    """The job leaves memory in the state that the table gives for that step."""
    state = next_state(job, step)
    assert state is not None
    last = max((part.end_time for part in job.parts if part), default=0.0)
    end_time = between(job.start_time or job.submit_time, last, time)
    final = replace(job, state=state, reason=REASONS[step], end_time=end_time)
    tables.drop_job(job)
    return [RecordJob(record_of(final)), JobChanged(job.id), Replan()]


def between(low: float, told: float, high: float) -> float:
    """What a node's clock told, kept in what is possible; 0 told is `high`."""
    return min(max(low, told or high), max(low, high))
