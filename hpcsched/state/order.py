"""Jobs in the order of the queue, kept while they come and go."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np

from hpcsched.model.job import Job

Rank = Callable[[Sequence[Job], float], Sequence[float]]
"""The priority of each job at that time, in their order."""
_Key = tuple[int, float, int]
FEW = 64
"""So many changes are made one by one; more of them at once in one pass."""


class Order:
    """Highest `spec.priority` first, then the highest rank, then by id."""

    def __init__(self) -> None:
        self._keys: list[_Key] = []
        self._jobs: list[Job] = []
        self._ranks: list[float] = []
        self._key_of: dict[int, _Key] = {}
        self._gone: list[_Key] = []
        self._read: tuple[tuple[Job, ...], tuple[float, ...]] | None = ((), ())

    def __len__(self) -> int:
        return len(self._key_of)

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._key_of

    def replace(self, job: Job) -> bool:
        """The job of that id, whose place stays the same. False: it is not here, or its place may change."""
        key = self._key_of.get(job.id)
        if key is None:
            return False
        at = bisect_left(self._keys, key)
        known = self._jobs[at]
        if known.spec is not job.spec or known.eligible_time != job.eligible_time:
            return False
        self._jobs[at] = job
        self._read = None
        return True

    def drop(self, job_id: int) -> None:
        """One that is not there is fine."""
        key = self._key_of.pop(job_id, None)
        if key is not None:
            self._gone.append(key)
            self._read = None

    def insert(self, jobs: Sequence[Job], ranks: Sequence[float]) -> None:
        """New ones, at their places."""
        self._sweep()
        if len(jobs) > FEW:
            return self.rebuild([*self._jobs, *jobs], [*self._ranks, *ranks])
        for job, rank in zip(jobs, ranks, strict=True):
            self._insert_one(job, float(rank))
        return None

    def _insert_one(self, job: Job, rank: float) -> None:
        key = (-job.spec.priority, -rank, job.id)
        at = bisect_left(self._keys, key)
        self._keys.insert(at, key)
        self._jobs.insert(at, job)
        self._ranks.insert(at, rank)
        self._key_of[job.id] = key
        self._read = None

    def rebuild(self, jobs: Sequence[Job], ranks: Sequence[float]) -> None:
        """These and no others."""
        below = -np.asarray(ranks, np.float64)
        levels = np.array([-job.spec.priority for job in jobs], np.int64)
        ids = np.array([job.id for job in jobs], np.int64)
        places = np.lexsort((ids, below, levels))
        self._jobs = [jobs[at] for at in places.tolist()]
        self._ranks = (-below[places]).tolist()
        self._keys = list(zip(levels[places].tolist(), below[places].tolist(), ids[places].tolist(), strict=True))
        self._key_of = dict(zip(ids[places].tolist(), self._keys, strict=True))
        self._gone.clear()
        self._read = None

    def _sweep(self) -> None:
        """Take out those that are gone."""
        if len(self._gone) > FEW:
            here = self._key_of
            kept = [at for at, key in enumerate(self._keys) if key[2] in here]
            self._keys, self._jobs = [self._keys[at] for at in kept], [self._jobs[at] for at in kept]
            self._ranks = [self._ranks[at] for at in kept]
        else:
            for key in self._gone:
                at = bisect_left(self._keys, key)
                del self._keys[at], self._jobs[at], self._ranks[at]
        self._gone.clear()

    def all(self) -> list[Job]:
        self._sweep()
        return self._jobs

    def read(self) -> tuple[tuple[Job, ...], tuple[float, ...]]:
        """Jobs and their ranks; again the same objects when nothing has changed."""
        if self._read is None:
            self._sweep()
            self._read = tuple(self._jobs), tuple(self._ranks)
        return self._read
