"""What is asked of the future of one waiting job, and how it is tried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hpcsched.model.explanation import Blocker
from hpcsched.model.job import Job
from hpcsched.model.site import Site
from hpcsched.model.snapshot import Snapshot
from hpcsched.sched.priority import factors, priorities
from hpcsched.sched.replay import Budget, Later, Length, Order, Policy, Replay

BEHIND = 1000
"""Waiting jobs behind the one in question that a replay looks at."""


@dataclass(frozen=True, slots=True)
class Question:
    """About `job`, which is in `snapshot.pending`, or in `later` as long as something other than the queue keeps it.

    `blockers`: what that is. `policy` makes the actual policy anew. `fraction`: of their limits that jobs run, as history shows.
    `spent`: which part of the time for an answer is over, 0 to 1; `looks`: see Budget.
    """

    job: Job
    snapshot: Snapshot
    policy: Callable[[], Policy]
    blockers: tuple[Blocker, ...] = ()
    later: tuple[Later, ...] = ()
    fraction: float = 0.5
    spent: Callable[[], float] = lambda: 0.0
    looks: int = 2_000_000

    @property
    def waits_for_nodes(self) -> bool:
        """It is in the queue, and no time or other job keeps it."""
        return any(job.id == self.job.id for job in self.snapshot.pending)

    def replay(self, length: Length, until: float, job: Job | None = None, policy: Policy | None = None) -> Replay:
        """Of the near queue, with that job instead of the one in question; it has the time until `spent` is `until`."""
        snapshot = near(self.snapshot, self.job.id)
        if job is not None:
            snapshot = with_job(snapshot, job)
        later = tuple(replace(item, job=job) if job and item.job.id == job.id else item for item in self.later)
        budget = Budget(self.looks, lambda: self.spent() > until)
        return Replay(snapshot, policy or self.policy(), length, budget, later, ranked(snapshot))


def near(snapshot: Snapshot, job_id: int) -> Snapshot:
    """With no more than so many jobs behind that one."""
    place = next((place for place, job in enumerate(snapshot.pending) if job.id == job_id), len(snapshot.pending))
    end = place + 1 + BEHIND
    if end >= len(snapshot.pending):
        return snapshot
    return replace(snapshot, pending=snapshot.pending[:end], priorities=snapshot.priorities[:end])


def with_job(snapshot: Snapshot, job: Job) -> Snapshot:
    """With that job in the place of the one of its id; where its priority changes with it, at its new place."""
    known = next((known for known in snapshot.pending if known.id == job.id), None)
    if known is None:
        return snapshot
    jobs = tuple(job if other is known else other for other in snapshot.pending)
    if _same_place(known, job):
        return replace(snapshot, pending=jobs)
    ordered, ranks = ranked(snapshot)(jobs, snapshot.now)
    return replace(snapshot, pending=tuple(ordered), priorities=ranks)


def _same_place(known: Job, job: Job) -> bool:
    one, other = known.spec, job.spec
    return (one.partition, one.qos, one.account, one.nodes) == (other.partition, other.qos, other.account, other.nodes)


def ranked(snapshot: Snapshot) -> Order:
    """Puts waiting jobs in order as the queue does, by the usage of that snapshot."""

    def order(jobs: Sequence[Job], now: float) -> tuple[Sequence[Job], Sequence[float]]:
        site: Site = snapshot.site
        ranks = priorities(jobs, site, factors(site, snapshot.usage, jobs), now, len(snapshot.nodes)).tolist()
        places = sorted(range(len(jobs)), key=lambda at: (-jobs[at].spec.priority, -ranks[at], jobs[at].id))
        return [jobs[at] for at in places], [ranks[at] for at in places]

    return order
