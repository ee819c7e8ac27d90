"""An ended job as accounting keeps it."""

from __future__ import annotations

from hpcsched.model.container import NOTHING_USED, Usage
from hpcsched.model.job import Job
from hpcsched.model.record import Record


def record_of(job: Job) -> Record:
    """A job that never started has waited until its end and ran for no time; nor did it run while it was suspended."""
    began = job.start_time or job.end_time
    ran_s = max(0.0, job.end_time - began - job.suspended_s)
    return Record(job, waited_s=began - job.submit_time, ran_s=ran_s, usage=_total(job))


def _total(job: Job) -> Usage:
    """Sums over all nodes, the peaks too: they may have fallen at different times, so it is an upper bound.

    Of an array, and of a job in another one's container, the memory is that of the largest process.
    """
    if job.array is not None:
        return Usage(cpu_s=job.array.cpu_s, peak_memory=job.array.max_rss)
    used = [part.usage for part in job.parts if part and part.usage is not NOTHING_USED]
    if not used:
        return NOTHING_USED
    return Usage(
        cpu_s=sum(usage.cpu_s for usage in used),
        peak_memory=sum(usage.peak_memory for usage in used),
        oom_kills=sum(usage.oom_kills for usage in used),
    )
