"""What must be true of jobs that wait, for others, for a time or for their nodes to be clean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hpcsched.model.job import Job, JobState
from hpcsched.state.deadlines import has_latest_start, latest_start
from hpcsched.state.specs import spec_bytes
from hpcsched.state.tables import Tables


def waiting_broken(tables: Tables) -> Iterator[str]:
    """A sentence for each that does not hold."""
    for job in tables.jobs.values():
        yield from _times(job)
        if job.state is JobState.PENDING:
            yield from _pending(tables, job)
        elif job.left_worker is not None:
            yield f"job {job.id} is {job.state} and waits for what worker {job.left_worker} has left"
    yield from _dependencies(tables)
    yield from _sums(tables)


def _times(job: Job) -> Iterator[str]:
    if (job.state is JobState.SUSPENDED) > (job.suspend_time > 0):
        yield f"job {job.id} is suspended since no time"
    if job.suspended_s < 0 or job.restarts < 0:
        yield f"job {job.id} was suspended for {job.suspended_s} s and restarted {job.restarts} times"


def _pending(tables: Tables, job: Job) -> Iterator[str]:
    if tables.is_blocked(job) and job.eligible_time:
        yield f"job {job.id} is blocked and eligible since {job.eligible_time}"
    if job.eligible_time and job.eligible_time < max(job.submit_time, job.spec.begin_time):
        yield f"job {job.id} is eligible since {job.eligible_time}, before it was submitted or may begin"
    asked = (job.cancel_requested or job.requeue_requested or job.worker is not None) and job.array is None
    if asked or job.start_time or job.suspend_time or job.granted_time:
        yield f"job {job.id} is pending and keeps something of a run"


def _dependencies(tables: Tables) -> Iterator[str]:
    for job_id, needs in tables.dependencies.needs.items():
        job = tables.jobs.get(job_id)
        if job is None or (job.state is not JobState.PENDING and (job.array is None or needs.blocks)):
            yield f"needs are kept of job {job_id}, which is {job.state if job else 'gone'}"
        for need in (*needs.open, *needs.following):
            if need.job_id and (need.job_id not in tables.jobs or job_id not in tables.dependencies.dependents(need.job_id)):
                yield f"job {job_id} waits for job {need.job_id}, which is gone or does not know"


def _sums(tables: Tables) -> Iterator[str]:
    jobs = tables.jobs.values()
    if tables.pending_count != sum(job.state is JobState.PENDING for job in jobs):
        yield f"{tables.pending_count} pending jobs are counted"
    if tables.spec_bytes != sum(spec_bytes(job.spec) for job in jobs):
        yield f"{tables.spec_bytes} bytes of specs are counted"
    spec_of = [job.spec for job in jobs if not (job.is_worker or job.spec.canary)]
    if tables.live != Counter((spec.account, spec.qos, spec.partition, spec.user) for spec in spec_of):
        yield f"live jobs are counted as {dict(tables.live)}"
    left = Counter(job_id for node in tables.nodes.values() if not node.down for job_id in node.cleaning)
    if tables.leaving != left:
        yield f"{dict(tables.leaving)} are counted as leaving, {dict(left)} are"
    lost = {(job.left_worker, job.id) for job in jobs if job.left_worker is not None}
    if {(number, job_id) for number, ids in tables.left.items() for job_id in ids or {0}} != lost:
        yield f"jobs that were lost with workers are kept as {tables.left}, they are {lost}"
    deadlines = sorted(latest_start(job) for job in jobs if has_latest_start(job) and job.spec.deadline)
    if tables.deadlines.next() != (deadlines[0] if deadlines else None):
        yield f"the next deadline is {tables.deadlines.next()}, not the first of {deadlines[:3]}"
