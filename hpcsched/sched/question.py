"""What is asked of the future of one waiting job, and how it is tried out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hpcsched.model.explanation import Blocker
from hpcsched.model.job import Job
from hpcsched.model.snapshot import Snapshot
from hpcsched.sched.fairfactors import User, fair_factors
from hpcsched.sched.ranks import ranks_of
from hpcsched.sched.replay import Policy, Replay
from hpcsched.sched.replay_later import Later, Name
from hpcsched.sched.replay_length import Length
from hpcsched.sched.replay_line import Order, Places, replaced
from hpcsched.sched.replay_pace import Budget
from hpcsched.sched.waiting import Floats, Waiting, in_columns

BEHIND = 1000
"""Waiting jobs behind the one in question that a replay looks at."""


@dataclass(frozen=True, slots=True)
class Question:
    """About `job`, which is in `snapshot.pending`, or in `later` as long as something other than the queue keeps it.

    `blockers`: what that is. `policy` makes the actual policy anew. `fraction`: of their limits that jobs run, as history shows.
    `alike`: ids of the live jobs of each name that a singleton in `later` waits for; `latest`: by when jobs must have started.
    `spent`: which part of the time for an answer is over, 0 to 1; `looks`: see Budget.
    """

    job: Job
    snapshot: Snapshot
    policy: Callable[[], Policy]
    blockers: tuple[Blocker, ...] = ()
    later: tuple[Later, ...] = ()
    alike: Mapping[Name, Sequence[int]] = field(default_factory=dict)
    latest: Mapping[int, float] = field(default_factory=dict)
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
        begun = self.spent()
        budget = Budget(self.looks, lambda: (self.spent() - begun) / max(until - begun, 1e-9))
        return Replay(snapshot, policy or self.policy(), length, budget, later, ranked(snapshot), self.alike, self.latest)


def near(snapshot: Snapshot, job_id: int) -> Snapshot:
    """With no more than so many jobs behind that one."""
    place = place_of(snapshot, job_id)
    end = (place if place >= 0 else len(snapshot.pending)) + 1 + BEHIND
    if end >= len(snapshot.pending):
        return snapshot
    return replace(snapshot, pending=in_columns(snapshot.pending).picked(np.arange(end)), priorities=snapshot.priorities[:end])


def place_of(snapshot: Snapshot, job_id: int) -> int:
    """Of a waiting job, from 0 on; -1: it is not in the queue."""
    found = np.flatnonzero(in_columns(snapshot.pending).column("id") == job_id)
    return int(found[0]) if len(found) else -1


def with_job(snapshot: Snapshot, job: Job) -> Snapshot:
    """With that job in the place of the one of its id; where its priority changes with it, at its new place."""
    place = place_of(snapshot, job.id)
    if place < 0:
        return snapshot
    known = snapshot.pending[place]
    jobs = replaced(in_columns(snapshot.pending), place, job)
    return replace(snapshot, pending=jobs) if _same_place(known, job) else in_order(snapshot, jobs)


def _same_place(known: Job, job: Job) -> bool:
    one, other = known.spec, job.spec
    return (one.partition, one.qos, one.account, one.nodes) == (other.partition, other.qos, other.account, other.nodes)


def in_order(snapshot: Snapshot, jobs: Sequence[Job]) -> Snapshot:
    """With those jobs waiting, ranked anew."""
    waiting = in_columns(jobs)
    places, ranks = ranked(snapshot)(waiting, snapshot.now)
    return replace(snapshot, pending=waiting.picked(places), priorities=ranks.tolist())


def ranked(snapshot: Snapshot) -> Order:
    """Puts waiting jobs in order as the queue does, by the usage of that snapshot."""

    def order(jobs: Waiting, now: float) -> tuple[Places, Floats]:
        ranks = ranks_of(jobs, snapshot.site, shares_of(snapshot, jobs), now, len(snapshot.nodes))
        places = np.lexsort((jobs.column("id"), -ranks, -jobs.column("level")))
        return places, ranks[places]

    return order


def shares_of(snapshot: Snapshot, jobs: Sequence[Job], besides: Iterable[User] = ()) -> dict[User, float]:
    """Fair share factors of all who have used something or have jobs there; none where fair share has no weight."""
    if not snapshot.site.weights.fair_share:
        return {}
    waiting = in_columns(jobs)
    users = waiting.columns.words["user"].all()
    here = {users[number] for number in np.unique(waiting.column("user")).tolist()}
    return fair_factors(snapshot.site, snapshot.usage, here.union(besides))
