"""Jobs that may start, in the order in which policies see them."""

from __future__ import annotations

from hpcsched.model.job import Job


class Queue:
    """Highest priority first, then by id, which is the order of arrival. Reading it again without a change costs nothing."""

    def __init__(self) -> None:
        self._levels: dict[int, dict[int, Job]] = {}
        self._ordered: tuple[Job, ...] | None = ()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, job: Job) -> bool:
        return job.id in self._levels.get(job.spec.priority, ())

    def put(self, job: Job) -> None:
        """Add it, or replace the one of its id; a job never changes its priority."""
        level = self._levels.setdefault(job.spec.priority, {})
        self._count += job.id not in level
        late = bool(level) and next(reversed(level)) > job.id and job.id not in level
        level[job.id] = job
        if late:
            self._levels[job.spec.priority] = dict(sorted(level.items()))
        self._ordered = None

    def drop(self, job: Job) -> None:
        """Take it out; one that is not there is fine."""
        level = self._levels.get(job.spec.priority, {})
        if level.pop(job.id, None) is None:
            return
        self._count -= 1
        self._ordered = None
        if not level:
            del self._levels[job.spec.priority]

    def ordered(self) -> tuple[Job, ...]:
        if self._ordered is None:
            self._ordered = tuple(job for key in sorted(self._levels, reverse=True) for job in self._levels[key].values())
        return self._ordered
