"""In which order waiting jobs are considered."""

from __future__ import annotations

from collections.abc import Sequence

from hpcsched.model.job import Job
from hpcsched.model.snapshot import Snapshot


def since(job: Job) -> float:
    """When it began to wait for nothing but the queue."""
    return job.eligible_time or job.submit_time


def overdue_first(jobs: Sequence[Job], snapshot: Snapshot) -> Sequence[Job]:
    """Who has waited for the site's `max_overtake_s` goes before all others, the longest wait first.

    So a job is overtaken for at most that long: from then on only jobs that began to wait before it are ahead of it, and no
    policy starts a job that would delay the first one in the order.
    """
    most = snapshot.site.max_overtake_s
    if not most:
        return jobs
    limit = snapshot.now - most
    overdue = [job for job in jobs if (job.eligible_time or job.submit_time) <= limit]
    if not overdue:
        return jobs
    overdue.sort(key=lambda job: (since(job), job.id))
    late = {job.id for job in overdue}
    return [*overdue, *(job for job in jobs if job.id not in late)]
