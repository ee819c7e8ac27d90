"""What there is to say of jobs that wait no more."""

from __future__ import annotations

from collections.abc import Sequence

from hpcsched.model.explanation import Explanation
from hpcsched.model.job import Job, JobState, Reason
from hpcsched.model.units import format_duration
from hpcsched.sched.reserved import moment

_MOST_NODES = 5
_MOST_JOBS = 5
_HOW = {
    JobState.COMPLETED: "it completed",
    JobState.FAILED: "it failed",
    JobState.CANCELLED: "it was cancelled",
    JobState.TIMEOUT: "it was ended at its time limit",
    JobState.OUT_OF_MEMORY: "it was ended because it took more memory than its limit",
    JobState.NODE_FAIL: "a node or container of it was lost",
    JobState.PREEMPTED: "it gave its nodes up for another job",
    JobState.DEADLINE: "its deadline came too near",
}


def explain_running(job: Job, taker: Job | None = None) -> Explanation:
    """Why it has its nodes, and until when. `taker`: the live job that has them meanwhile."""
    why = f"{_doing(job)} on {_nodes(job)}{_because(job)}"
    if taker is not None and job.state is JobState.SUSPENDED and (end := _end_by(taker)):
        why += f"; job {taker.id} ends by {moment(end)}"
    return Explanation(job.id, job.state, why, end_by=_end_by(job))


def _doing(job: Job) -> str:
    if job.state is JobState.SUSPENDED:
        return f"it is suspended for job {job.preempted_by}" if job.preempted_by else "it is suspended"
    if job.state is JobState.RUNNING:
        return "it runs"
    return "it is being started" if job.state is JobState.CONFIGURING else "it is being ended"


def _because(job: Job) -> str:
    told = f": {job.message}" if job.message else ""
    if job.cancel_requested:
        return f"{told}; its cancellation was asked for"
    if job.requeue_requested:
        return f"{told}; it is being ended there, and will wait again"
    if job.worker is not None:
        return f"{told}; side by side with other jobs of its owner, in worker {job.worker}"
    if job.assigned:
        return f"{told}, the container of {_work(job)}"
    return told


def _work(worker: Job) -> str:
    ids = [work.job_id for work in worker.assigned]
    more = f" and {len(ids) - _MOST_JOBS} more" if len(ids) > _MOST_JOBS else ""
    return f"{'job' if len(ids) == 1 else 'jobs'} {', '.join(map(str, ids[:_MOST_JOBS]))}{more}"


def _nodes(job: Job) -> str:
    names = job.allocation.nodes if job.allocation else ()
    if not names:
        return "the nodes of its workers"
    return shown(names)


def shown(names: Sequence[str]) -> str:
    """The first nodes by name, and how many more."""
    return ", ".join(names[:_MOST_NODES]) + (f" and {len(names) - _MOST_NODES} more" if len(names) > _MOST_NODES else "")


def _end_by(job: Job) -> float:
    if job.state is JobState.SUSPENDED or not job.spec.time_limit_s or not job.start_time or job.spec.array:
        return 0.0
    return job.start_time + job.suspended_s + job.spec.time_limit_s


def explain_ended(job: Job) -> Explanation:
    """How it ended, in a sentence."""
    if not job.start_time:
        where = "before it started"
    else:
        where = f"after {format_duration(max(0.0, job.end_time - job.start_time))} on {_nodes(job)}"
    return Explanation(job.id, job.state, f"{_HOW.get(job.state, job.state.value)} {where}{_detail(job)}")


def _detail(job: Job) -> str:
    """What its first node told, and the reason where the state does not say it."""
    told = [
        f"exit code {job.exit_code}" if job.exit_code else "",
        f"signal {job.signal}" if job.signal else "",
        f"{job.array.failed} of its {job.array.size} tasks failed" if job.array and job.array.failed and not job.message else "",
        f"job {job.preempted_by} took them" if job.preempted_by else job.message,
        job.reason.value if job.reason not in _SAID and not job.message else "",
    ]
    words = "; ".join(word for word in told if word)
    return f": {words}" if words else ""


_SAID = frozenset(
    {
        *(Reason.NONE, Reason.NON_ZERO_EXIT, Reason.RAISED_SIGNAL, Reason.TIME_LIMIT, Reason.OUT_OF_MEMORY),
        *(Reason.CANCELLED, Reason.PREEMPTED, Reason.DEADLINE),
    }
)
