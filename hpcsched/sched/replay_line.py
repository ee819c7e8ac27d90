"""The jobs that wait in a replay, in order, in arrays of their own: a snapshot's are the controller's, which goes on beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hpcsched.model.job import Job
from hpcsched.sched.waiting import Columns, Floats, Rows, Waiting, in_columns

Places = NDArray[np.intp]
Order = Callable[[Waiting, float], tuple[Places, Floats]]
"""The places of waiting jobs in the order in which a snapshot of that time has them, and their priorities, if it has any."""
PERIOD_S = 60.0
_UNBOUNDED = 86400.0
"""What a job without a limit counts for in an estimate."""


def by_arrival(jobs: Waiting, now: float) -> tuple[Places, Floats]:
    """The order of a site whose jobs have all the same factors but their age."""
    return np.lexsort((jobs.column("id"), jobs.column("since"), -jobs.column("level"))), np.empty(0)


class Line:
    """`looked_at`: of those that wait, how many at most a plan sees."""

    def __init__(
        self, pending: Sequence[Job], priorities: Sequence[float], order: Order, looked_at: int, ranked_at: float
    ) -> None:
        self._columns, self._rows = _own(in_columns(pending))
        self._ranks: Floats = np.asarray(priorities, np.float64)
        self._row_of: dict[int, int] = dict(zip(self._columns.ints["id"].tolist(), self._rows.tolist(), strict=True))
        self._alive = np.ones(self._columns.size, np.bool_)
        self._order, self.looked_at, self._ranked_at = order, looked_at, ranked_at
        self._new: list[Job] = []
        self._young = bool(len(self._rows)) and bool((self._columns.floats["since"] > ranked_at).any())
        """Some came after the time as of which all are ranked, and so count as if they had come then."""
        self.unseen = 0
        """How many that waited, at most, a plan did not see."""

    def __len__(self) -> int:
        return len(self._row_of)

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._row_of

    def get(self, job_id: int) -> Job | None:
        row = self._row_of.get(job_id)
        return None if row is None else self._columns.jobs[row]

    def take(self, job_id: int) -> Job:
        """It waits no more."""
        row = self._row_of.pop(job_id)
        self._alive[row] = False
        job: Job = self._columns.jobs[row]
        return job

    def replace(self, job: Job) -> None:
        """The one of its id, at the same place."""
        self._columns.jobs[self._row_of[job.id]] = job

    def enter(self, jobs: Sequence[Job]) -> None:
        """They have places from the next view on."""
        self._new += jobs

    def _settle(self, now: float) -> None:
        """As the queue does: all are ranked as of one time, which is no longer ago than a minute."""
        again = self._young and now - self._ranked_at >= PERIOD_S
        if now - self._ranked_at >= PERIOD_S:
            self._ranked_at = now
        self._sweep()
        if self._new or again:
            self._young = any(job.eligible_time > self._ranked_at for job in self._new)
            self._sort(np.concatenate((self._rows, self._rows_of_new())))

    def _rows_of_new(self) -> Rows:
        rows = self._columns.add_all(self._new)
        self._row_of.update(zip([job.id for job in self._new], rows.tolist(), strict=True))
        self._new.clear()
        self._alive = np.concatenate((self._alive, np.ones(self._columns.size - len(self._alive), np.bool_)))
        return rows

    def _sort(self, rows: Rows) -> None:
        places, self._ranks = self._order(Waiting(self._columns, rows), self._ranked_at)
        self._rows = rows[places]

    def view(self, job_id: int, now: float) -> tuple[Waiting, Sequence[float]]:
        """Those that a plan sees: the first ones, and that job wherever it is; and their priorities."""
        self._settle(now)
        chosen = np.arange(min(len(self._rows), self.looked_at))
        if len(chosen) < len(self._rows):
            self.unseen = max(self.unseen, len(self._rows) - len(chosen))
            at = self.place(job_id)
            chosen = np.append(chosen, at) if at >= len(chosen) else chosen
        return Waiting(self._columns, self._rows[chosen]), self._ranks[chosen].tolist() if len(self._ranks) else ()

    def place(self, job_id: int) -> int:
        """How many are before it; -1: it does not wait."""
        row = self._row_of.get(job_id)
        return -1 if row is None else int(np.flatnonzero(self._rows == row)[0])

    def work(self, places: int) -> float:
        """Node seconds that so many of the first ones may take."""
        rows = self._rows[:places]
        limits = np.minimum(self._columns.floats["limit"][rows], _UNBOUNDED * 366)
        limits[np.isinf(self._columns.floats["limit"][rows])] = _UNBOUNDED
        return float(np.dot(limits, self._columns.floats["nodes"][rows]))

    def _sweep(self) -> None:
        kept = self._alive[self._rows]
        if not kept.all():
            self._rows = self._rows[kept]
            self._ranks = self._ranks[kept] if len(self._ranks) else self._ranks


def _own(jobs: Waiting) -> tuple[Columns, Rows]:
    return jobs.columns.part(jobs.rows), np.arange(len(jobs))


def replaced(jobs: Waiting, place: int, job: Job) -> Waiting:
    """Others, with that job at that place."""
    columns, rows = _own(jobs)
    rows[place] = columns.add(job)
    return Waiting(columns, rows)
