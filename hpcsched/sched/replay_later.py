"""Jobs that a replay keeps out of its queue until their time has come, or others have begun or ended."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hpcsched.model.job import Job
from hpcsched.sched.dependency import Kind, Need

Name = tuple[str, str]
"""User and title, which singletons go by."""
_AFTER_S = 1e-3
"""What starts exactly then is in time."""
_IN_VAIN = (Kind.AFTER, Kind.AFTERANY, Kind.AFTERNOTOK)
"""Needs that are met by the end of a job that never ran."""


@dataclass(frozen=True, slots=True)
class Later:
    """A job that may start at `time` and when all of `needs` are met, with `one_is_enough` any of them."""

    job: Job
    time: float = 0.0
    needs: tuple[Need, ...] = ()
    one_is_enough: bool = False


class Latest:
    """By when jobs must have started that wait."""

    def __init__(self, latest: Mapping[int, float]) -> None:
        self._times = sorted(((time, job_id) for job_id, time in latest.items()), reverse=True)

    def next_time(self, waits: Callable[[int], bool]) -> float:
        """When the next one is late; infinity: none will be."""
        while self._times and not waits(self._times[-1][1]):
            self._times.pop()
        return self._times[-1][0] + _AFTER_S if self._times else math.inf

    def missed(self, now: float, waits: Callable[[int], bool]) -> Iterator[int]:
        while self.next_time(waits) <= now:
            yield self._times.pop()[1]


@dataclass(slots=True)
class _Open:
    job: Job
    time: float
    needs: tuple[Need, ...]
    one_is_enough: bool


def name_of(job: Job) -> Name:
    return job.spec.user, job.spec.title


class Outside:
    """`alike`: ids of the live jobs of each name that a singleton waits for, rising. A job is thought to end as those wish that
    wait for its end.
    """

    def __init__(self, later: Sequence[Later], alike: Mapping[Name, Sequence[int]]) -> None:
        self._open: dict[int, _Open] = {}
        self._followers: dict[int, list[int]] = {}
        self._alike = {name: list(ids) for name, ids in alike.items()}
        self._ready: list[tuple[float, int]] = []
        self._timed: dict[int, Job] = {}
        for item in later:
            self._keep(item)
        for name in self._alike:
            self._meet_singleton(name, -math.inf)

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._open or job_id in self._timed

    def _keep(self, item: Later) -> None:
        if item.needs:
            self._open[item.job.id] = _Open(item.job, item.time, item.needs, item.one_is_enough)
        else:
            self.put(item.job, item.time)
        for need in item.needs:
            self._followers.setdefault(need.job_id, []).append(item.job.id)

    def put(self, job: Job, time: float) -> None:
        """It may start from then on."""
        self._timed[job.id] = job
        heapq.heappush(self._ready, (time, job.id))

    def next_time(self, now: float) -> float:
        """When one may start by time alone; infinite: none."""
        return max(now, self._ready[0][0]) if self._ready else math.inf

    def due(self, now: float) -> list[Job]:
        """Those that may start by now, which are outside no more."""
        found = list[Job]()
        while self._ready and self._ready[0][0] <= now:
            job = self._timed.pop(heapq.heappop(self._ready)[1], None)
            found += [job] if job else []
        return found

    def began(self, job: Job, time: float) -> None:
        self._heed(job.id, time, (Kind.AFTER,))

    def gave_up(self, job_id: int, job: Job | None, time: float) -> None:
        """A job that must have started by then; without `job`, one that is outside."""
        known, ready = self._open.pop(job_id, None), self._timed.pop(job_id, None)
        job = job or ready or (known.job if known else None)
        if job is not None:
            self.ended(job, time, _IN_VAIN)

    def ended(self, job: Job, time: float, kinds: Sequence[Kind] = tuple(Kind)) -> None:
        self._heed(job.id, time, kinds)
        ids = self._alike.get(name_of(job))
        at = bisect_left(ids, job.id) if ids else 0
        if ids and at < len(ids) and ids[at] == job.id:
            del ids[at]
            self._meet_singleton(name_of(job), time)

    def _heed(self, job_id: int, time: float, kinds: Sequence[Kind]) -> None:
        for follower in self._followers.get(job_id, ()):
            known = self._open.get(follower)
            for need in known.needs if known else ():
                if need.job_id == job_id and need.kind in kinds:
                    self._answer(follower, need, time + need.delay_s)

    def _meet_singleton(self, name: Name, time: float) -> None:
        """The eldest of that name goes."""
        ids = self._alike[name]
        known = self._open.get(ids[0]) if ids else None
        if known and Need(Kind.SINGLETON) in known.needs:
            self._answer(ids[0], Need(Kind.SINGLETON), time)

    def _answer(self, job_id: int, need: Need, time: float) -> None:
        known = self._open.get(job_id)
        if known is None:
            return
        known.time = max(known.time, time)
        known.needs = () if known.one_is_enough else tuple(other for other in known.needs if other != need)
        if not known.needs:
            del self._open[job_id]
            self.put(known.job, known.time)
