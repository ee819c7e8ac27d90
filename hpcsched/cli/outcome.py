"""How an ended job maps to an exit code of the command line."""

from __future__ import annotations

from hpcsched.model.job import Job, JobState
from hpcsched.model.units import format_duration

INTERRUPTED = 130
_CODES = {JobState.TIMEOUT: 124, JobState.OUT_OF_MEMORY: 137, JobState.CANCELLED: INTERRUPTED}


def exit_code(job: Job) -> int:
    """The job's own code, or 128+n for signal n; 124 timeout, 137 out of memory, 130 cancelled; else not 0.

    124 is that of timeout(1), 126 and 127 for a command that cannot be run are the shell's (POSIX, 2.8.2).
    """
    if job.state is JobState.COMPLETED:
        return 0
    if job.state in _CODES:
        return _CODES[job.state]
    if job.exit_code:
        return job.exit_code
    return 128 + job.signal if job.signal else 1


def complaint(job: Job) -> str:
    """One line for stderr; empty when the exit code says it all."""
    if job.state is JobState.COMPLETED or (job.state is JobState.FAILED and job.exit_code and not job.message):
        return ""
    return f"job {job.id} {job.state.value}{ending(job)}"


def ending(job: Job) -> str:
    """What followed, as `: message`, `: signal 11` or `: TimeLimit`; empty when nothing is known."""
    if job.message:
        return f": {job.message}"
    if job.state is JobState.TIMEOUT and job.spec.time_limit_s:
        return f": it reached its time limit of {format_duration(job.spec.time_limit_s)}"
    if job.signal and job.state is JobState.FAILED:
        return f": signal {job.signal}"
    return f": {job.reason.value}" if job.reason.value not in ("None", "Cancelled") else ""
