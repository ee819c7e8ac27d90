"""Jobs that may start, in the order in which policies see them."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np

from hpcsched.model.job import Job
from hpcsched.sched.waiting import Waiting
from hpcsched.state.order import FEW, Order, Rank, Ranks

PERIOD_S = 60.0
"""Priorities that change with time are found again that often."""


def by_arrival(jobs: Sequence[Job], now: float) -> Sequence[float]:
    """All have the same rank."""
    return [0.0] * len(jobs)


class Queue:
    """Jobs before their `eligible_time` are in it and not in its order. Reading it again without a change costs nothing."""

    def __init__(self) -> None:
        self._order = Order()
        self._later: dict[int, Job] = {}
        self._times: list[tuple[float, int]] = []
        self._now = -math.inf
        self.read_at: float | None = None
        """For when it was read last."""
        self.ranked_at = -math.inf
        """As of when the ranks are, where they change with time."""
        self.arrivals = 0
        """Goes up with each job that comes in."""

    def __len__(self) -> int:
        return len(self._order) + len(self._later)

    def __contains__(self, job: Job) -> bool:
        return job.id in self._order or job.id in self._later

    def put(self, job: Job) -> None:
        """Add it, or replace the one of its id."""
        if self._order.replace(job):
            return
        self.arrivals += job not in self
        self._order.drop(job.id)
        self._later.pop(job.id, None)
        if job.eligible_time > self._now and job.eligible_time > 0:
            self._later[job.id] = job
            heapq.heappush(self._times, (job.eligible_time, job.id))
        else:
            self._order.put(job)

    def drop(self, job: Job) -> None:
        """Take it out; one that is not there is fine."""
        self._order.drop(job.id)
        self._later.pop(job.id, None)

    def fewest_nodes(self) -> int:
        """No job that is eligible asks for fewer; 0: none is."""
        return self._order.fewest_nodes()

    def all(self) -> tuple[Job, ...]:
        """In no order."""
        return *self._order.all(), *self._later.values()

    def early(self) -> tuple[Job, ...]:
        """Those before their time, in no order."""
        return tuple(self._later.values())

    def next_time(self) -> float | None:
        """When the next one becomes eligible by time alone."""
        while self._times and not self._is_due_at(*self._times[0]):
            heapq.heappop(self._times)
        return self._times[0][0] if self._times else None

    def _is_due_at(self, time: float, job_id: int) -> bool:
        return job_id in self._later and self._later[job_id].eligible_time == time

    def ordered(self, now: float = math.inf, rank: Rank = by_arrival, changing: bool = False) -> Waiting:
        """Those that are eligible at `now`. `changing`: ranks change with time; those of all jobs are then of one time."""
        self.move_to(now)
        self.read_at = now
        if changing and abs(now - self.ranked_at) >= PERIOD_S:
            self._order.settle_anew(lambda jobs: rank(jobs, now))
            self.ranked_at = now
        elif self._order.has_new:
            at = self.ranked_at if changing else now
            self._order.settle(lambda jobs: rank(jobs, at))
        return self._order.read()[0]

    def ranks(self) -> Ranks:
        """Of the jobs that `ordered` gave last."""
        return self._order.read()[1]

    def go_on(self, now: float) -> None:
        """It is that time or later."""
        if now > self._now:
            self.move_to(now)

    def ranks_of(self, job_ids: Sequence[int]) -> dict[int, float]:
        """As they were found last, by the id of each of those jobs that has a place in the order."""
        jobs, ranks = self._order.read()
        ids = jobs.column("id")
        places = np.flatnonzero(ids == job_ids[0] if len(job_ids) == 1 else np.isin(ids, np.asarray(job_ids, np.int64)))
        return dict(zip(ids[places].tolist(), np.asarray(ranks)[places].tolist(), strict=True))

    def move_to(self, now: float) -> None:
        """Time goes on; where a clock was set back, jobs are waited for again."""
        back, self._now = now < self._now, now
        if back:
            for job in self._order.all():
                if job.eligible_time > now:
                    self.drop(job)
                    self.put(job)
        if (due := self.next_time()) is None or due > now:
            return
        if len(self._later) > FEW:
            self._move_all(now)
        while (due := self.next_time()) is not None and due <= now:
            _, job_id = heapq.heappop(self._times)
            self._order.put(self._later.pop(job_id))

    def _move_all(self, now: float) -> None:
        """All that are due, in the order of their times."""
        due = sorted((job.eligible_time, job_id) for job_id, job in self._later.items() if job.eligible_time <= now)
        for _, job_id in due:
            self._order.put(self._later.pop(job_id))
        self._times = [(job.eligible_time, job_id) for job_id, job in self._later.items()]
        heapq.heapify(self._times)
