"""Which jobs that wait, and arrays, have a deadline, the most urgent first."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator

from hpcsched.model.job import Job, JobState


def latest_start(job: Job) -> float:
    """Unix seconds: what starts later of it cannot be sure to end by its deadline; the deadline of an array all of which runs."""
    waits = job.array is None or job.array.left or job.array.follows
    return job.spec.deadline - (job.spec.time_limit_s if waits else 0)


def has_latest_start(job: Job) -> bool:
    """Where it has a deadline."""
    return (job.state is JobState.PENDING or job.array is not None) and not job.cancel_requested


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
        elif self._latest.get(job.id) != (latest := latest_start(job)):
            self._latest[job.id] = latest
            heapq.heappush(self._heap, (self._latest[job.id], job.id))

    def drop(self, job_id: int) -> None:
        self._latest.pop(job_id, None)

    def all(self) -> dict[int, float]:
        """The latest start of each."""
        return dict(self._latest)

    def next(self) -> float | None:
        """The earliest of all latest starts."""
        while self._heap and self._latest.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def missed(self, now: float) -> Iterator[int]:
        """Jobs that can no longer end by their deadline."""
        if (self.next() or now) < now:
            yield from sorted(job_id for job_id, latest in self._latest.items() if latest < now)
