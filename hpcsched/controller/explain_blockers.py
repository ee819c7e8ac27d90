"""What keeps jobs out of the queue, and when it will not any more, as the state knows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from hpcsched.model.explanation import Blocker
from hpcsched.model.job import Job, JobState, Reason
from hpcsched.model.snapshot import Snapshot
from hpcsched.sched.dependency import Kind, Need, judge, parse_dependency
from hpcsched.sched.question import in_order
from hpcsched.sched.replay_later import Later, Name, name_of
from hpcsched.sched.reserved import moment
from hpcsched.state.dependencies import Needs, whole_needs
from hpcsched.state.eligibility import never_met
from hpcsched.state.state import State

MOST_NEEDS = 10
MAX_LATER = 10_000


def kept(state: State, now: float) -> Snapshot:
    """A snapshot that stays as it is when the state goes on."""
    seen = state.snapshot(now)
    used, in_tables, by_users = dict(seen.usage), dict(seen.table_usage), dict(seen.user_usage)
    return replace(seen, usage=used, table_usage=in_tables, user_usage=by_users)


def with_supposed(snapshot: Snapshot, job: Job) -> Snapshot:
    """With a job that is not in the state, at its place in the queue."""
    return in_order(snapshot, (*snapshot.pending, job))


def needs_of(state: State, job: Job) -> Needs | None:
    """What the job still waits for, also where the state does not have it."""
    if job.id in state.jobs:
        return whole_needs(state, job)
    asked = parse_dependency(job.spec.dependency)
    open_ = tuple(need for need in asked.needs if _is_open(state, job, need))
    if asked.one_is_enough and len(open_) < len(asked.needs):
        return None
    return Needs(open_, asked.one_is_enough) if open_ else None


def _is_open(state: State, job: Job, need: Need) -> bool:
    if need.kind is Kind.SINGLETON:
        return any((one.spec.user, one.spec.title) == (job.spec.user, job.spec.title) for one in state.jobs.values())
    other = state.jobs.get(need.job_id)
    return other is not None and judge(need, other) is None


def blockers(state: State, job: Job, now: float) -> Iterator[Blocker]:
    """All that keeps the job out of the queue, in the order in which it must go."""
    if job.held:
        yield Blocker(Reason.JOB_HELD, job.message)
    needs = needs_of(state, job)
    if needs and needs.never:
        yield Blocker(Reason.DEPENDENCY_NEVER, never_met(job.id, needs).message)
    for need in needs.open[:MOST_NEEDS] if needs else ():
        yield Blocker(Reason.DEPENDENCY, _need(state, need, bool(needs and needs.one_is_enough)))
    if needs and len(needs.open) > MOST_NEEDS:
        yield Blocker(Reason.DEPENDENCY, f"and {len(needs.open) - MOST_NEEDS} more such")
    begin = max(job.eligible_time, job.spec.begin_time)
    if begin > now:
        yield Blocker(Reason.BEGIN_TIME, f"it may not begin before {moment(begin)}")
    wait = state.blocked(job.id, now)
    if wait and wait.reason is Reason.REQ_NODE_NOT_AVAIL:
        yield Blocker(wait.reason, wait.message)


def _need(state: State, need: Need, one_is_enough: bool) -> str:
    other = state.jobs.get(need.job_id)
    enough = " (one such is enough)" if one_is_enough else ""
    if need.kind is Kind.SINGLETON or other is None:
        return f"{need}: an earlier job of that name of its user has not ended{enough}"
    needs = state.dependencies.needs.get(other.id)
    lasting = " and can never start as it is" if needs and needs.never else ""
    return f"{need}: job {other.id} ({other.spec.title}) is {other.state}{lasting}{enough}"


def later(state: State, now: float) -> Iterator[Later]:
    """Jobs that get into the queue by time, or when others have ended; at most so many."""
    behind = (state.jobs[job_id] for job_id in tuple(state.dependencies.needs))
    outside = {job.id: job for job in (*behind, *state.queue.early())}
    found = (later_of(state, job, now) for job in outside.values() if job.state is JobState.PENDING)
    return islice((item for item in found if item is not None), MAX_LATER)


def later_of(state: State, job: Job, now: float) -> Later | None:
    """None: it is in the queue, or only somebody's doing gets it there."""
    needs = needs_of(state, job)
    if job.held or (needs and needs.never):
        return None
    begin = max(job.eligible_time, job.spec.begin_time, needs.not_before if needs else 0.0)
    open_ = needs.open if needs else ()
    if not open_ and begin <= now:
        return None
    return Later(job, begin, open_, bool(needs and needs.one_is_enough))


def alike(state: State, waiting: Sequence[Later]) -> dict[Name, tuple[int, ...]]:
    """Of each name that a singleton among them has: who must have ended before the youngest of them starts, and that one."""
    youngest: dict[Name, Job] = {}
    for item in waiting:
        if Need(Kind.SINGLETON) in item.needs:
            name = name_of(item.job)
            youngest[name] = max(item.job, youngest.get(name, item.job), key=lambda job: job.id)
    return {name: (*state.dependencies.elders(job, 0), job.id) for name, job in youngest.items()}
