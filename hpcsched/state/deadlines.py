"""Which pending jobs have a deadline, the most urgent first."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator

from hpcsched.model.job import Job, JobSpec


def latest_start(spec: JobSpec) -> float:
    """Unix seconds: one that starts later cannot be sure to end by its deadline."""
    return spec.deadline - spec.time_limit_s


def limit_s(job: Job) -> int:
    """Seconds that a job with nodes may run, by its limit and its deadline; 0: for ever."""
    if not job.spec.deadline:
        return job.spec.time_limit_s
    left = max(1, math.ceil(job.spec.deadline - job.granted_time - job.suspended_s))
    return min(job.spec.time_limit_s or left, left)


class Deadlines:
    """Jobs come and go; what is not true any more is passed over when its turn comes."""

    def __init__(self) -> None:
        self._latest: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []

    def put(self, job: Job) -> None:
        if not job.spec.deadline:
            self._latest.pop(job.id, None)
        elif self._latest.get(job.id) != latest_start(job.spec):
            self._latest[job.id] = latest_start(job.spec)
            heapq.heappush(self._heap, (self._latest[job.id], job.id))

    def drop(self, job_id: int) -> None:
        self._latest.pop(job_id, None)

    def next(self) -> float | None:
        """The earliest of all latest starts."""
        while self._heap and self._latest.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def missed(self, now: float) -> Iterator[int]:
        """Jobs that can no longer end by their deadline."""
        if (self.next() or now) < now:
            yield from sorted(job_id for job_id, latest in self._latest.items() if latest < now)
