"""Which jobs wait for which, kept so that one job's end costs only those that wait for it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hpcsched.model.job import Job
from hpcsched.sched.dependency import Kind, Need, judge, parse_dependency

if TYPE_CHECKING:
    from hpcsched.state.tables import Tables


@dataclass(frozen=True, slots=True)
class Needs:
    """What a job still waits for. `not_before`: Unix seconds, by what is met already. `never`: why it will wait for ever.

    `following`: of an array, what only some of its tasks wait for; the others may run.
    """

    open: tuple[Need, ...]
    one_is_enough: bool = False
    not_before: float = 0.0
    never: str = ""
    following: tuple[Need, ...] = ()

    @property
    def blocks(self) -> bool:
        return bool(self.open or self.never)


class Dependencies:
    """`needs` by the id of the job that has some; a job that is not in it waits for no other."""

    def __init__(self) -> None:
        self.needs: dict[int, Needs] = {}
        self._dependents: dict[int, dict[int, None]] = {}
        self._names: dict[tuple[str, str], list[int]] = {}

    def blocks(self, job_id: int) -> bool:
        needs = self.needs.get(job_id)
        return needs is not None and needs.blocks

    def dependents(self, job_id: int) -> tuple[int, ...]:
        return tuple(self._dependents.get(job_id, ()))

    def enter(self, job: Job) -> None:
        """Its name counts for singletons from now on."""
        if not job.is_worker:
            insort(self._names.setdefault(_name(job), []), job.id)

    def leave(self, job: Job) -> None:
        """It ended."""
        self.forget(job.id)
        if job.is_worker:
            return
        alike = self._names[_name(job)]
        del alike[bisect_left(alike, job.id)]
        if not alike:
            del self._names[_name(job)]

    def ask(self, job: Job, jobs: Mapping[int, Job], time: float) -> None:
        """Its needs, by its spec and the jobs that live; one that does not live any more is met."""
        asked = parse_dependency(job.spec.dependency)
        self.forget(job.id)
        if not asked.needs:
            return
        following = () if asked.one_is_enough else tuple(need for need in asked.needs if _follows(job, need, jobs))
        rest = tuple(need for need in asked.needs if need not in following)
        self.keep(job.id, Needs(rest, asked.one_is_enough, following=following))
        for need in rest:
            if need.kind is Kind.SINGLETON:
                self.meet_singleton(job, time)
            elif need.job_id not in jobs:
                self._answer(job.id, need, time)
            elif (answer := judge(need, jobs[need.job_id])) is not None:
                self._answer(job.id, need, answer)

    def keep(self, job_id: int, needs: Needs | None) -> None:
        if needs is None:
            return
        self.needs[job_id] = needs
        for need in (*needs.open, *needs.following):
            self._dependents.setdefault(need.job_id, {})[job_id] = None

    def forget(self, job_id: int) -> None:
        """It waits for nothing any more."""
        needs = self.needs.pop(job_id, None)
        for need in (*needs.open, *needs.following) if needs else ():
            self._unlink(need.job_id, job_id)

    def leaders(self, job_id: int) -> tuple[int, ...]:
        """Arrays that this one follows task by task."""
        needs = self.needs.get(job_id)
        return tuple(need.job_id for need in needs.following) if needs else ()

    def followers(self, job_id: int) -> tuple[int, ...]:
        return tuple(number for number in self.dependents(job_id) if job_id in self.leaders(number))

    def unfollow(self, job_id: int, leader: int) -> None:
        """That one has ended."""
        needs = self.needs[job_id]
        self.needs[job_id] = replace(needs, following=tuple(need for need in needs.following if need.job_id != leader))
        self._unlink(leader, job_id)

    def heed(self, job: Job, time: float) -> list[int]:
        """After that job began or left: whose needs changed."""
        changed = [dependent for dependent in self.dependents(job.id) if self._heed_one(dependent, job, time)]
        if job.state.ended and not job.is_worker:
            changed += self.meet_singleton(job, time)
        return changed

    def _heed_one(self, dependent: int, job: Job, time: float) -> bool:
        before = self.needs[dependent]
        for need in before.open:
            answer = judge(need, job) if need.job_id == job.id else None
            if answer is not None:
                self._answer(dependent, need, max(answer, time) if isinstance(answer, float) and not need.delay_s else answer)
        return self.needs.get(dependent) is not before

    def give_up(self, job_id: int, why: str) -> None:
        """It will wait for ever."""
        self.needs[job_id] = replace(self.needs.get(job_id, Needs(())), never=why)

    def meet_singleton(self, job: Job, time: float) -> list[int]:
        """The eldest of that job's name goes."""
        alike = self._names.get(_name(job))
        needs = self.needs.get(alike[0]) if alike else None
        if alike is None or needs is None or Need(Kind.SINGLETON) not in needs.open:
            return []
        self._answer(alike[0], Need(Kind.SINGLETON), time)
        return [alike[0]]

    def elders(self, job: Job, since: int) -> list[int]:
        """Live jobs of its name with ids from `since` up to its own."""
        alike = self._names.get(_name(job), [])
        return alike[bisect_left(alike, since) : bisect_left(alike, job.id)]

    def _answer(self, job_id: int, need: Need, answer: float | str) -> None:
        """One need is met from that time on, or never."""
        needs = self.needs[job_id]
        rest = tuple(other for other in needs.open if other != need)
        if isinstance(answer, str):
            lost = not needs.one_is_enough or not rest
            needs = replace(needs, open=rest, never=answer if lost else needs.never)
        else:
            needs = replace(needs, open=() if needs.one_is_enough else rest, not_before=max(needs.not_before, answer))
        gone = {other.job_id for other in self.needs[job_id].open} - {other.job_id for other in (*needs.open, *needs.following)}
        self.needs[job_id] = needs
        for number in gone:
            self._unlink(number, job_id)

    def _unlink(self, job_id: int, dependent: int) -> None:
        links = self._dependents.get(job_id)
        if links is not None:
            links.pop(dependent, None)
            if not links:
                del self._dependents[job_id]


def _follows(job: Job, need: Need, jobs: Mapping[int, Job]) -> bool:
    leader = jobs.get(need.job_id)
    return need.kind is Kind.AFTERCORR and job.array is not None and leader is not None and leader.array is not None


def _name(job: Job) -> tuple[str, str]:
    return job.spec.user, job.spec.title


def whole_needs(tables: Tables, job: Job) -> Needs | None:
    """What keeps all of the job waiting; of an array that has no task left otherwise, those that it follows as well."""
    needs = tables.dependencies.needs.get(job.id)
    if needs is None or not needs.following or job.array is None or job.array.left or job.array.out:
        return needs
    return replace(needs, open=(*needs.open, *needs.following))


def on_the_way(tables: Tables, job: Job, wanted: Iterable[Need]) -> bool:
    """Whether what the job is to wait for waits for it, directly or through others: that would be a cycle.

    `job` has its new name: younger singletons of that name wait for it.
    """
    table = tables.dependencies
    known: dict[tuple[str, str], int] = {}
    seen: set[int] = set()
    todo = list(_before(table, job, wanted, known))
    while todo:
        number = todo.pop()
        other, needs = tables.jobs.get(number), table.needs.get(number)
        singleton = needs is not None and Need(Kind.SINGLETON) in needs.open
        if number == job.id or (singleton and other and _name(other) == _name(job) and number > job.id):
            return True
        if other is not None and needs is not None and number not in seen:
            todo += _before(table, other, (*needs.open, *needs.following), known)
        seen.add(number)
    return False


def _before(table: Dependencies, job: Job, needs: Iterable[Need], known: dict[tuple[str, str], int]) -> Iterator[int]:
    """Who must go before the job. `known`: by name, the id below which all of that name have been told already."""
    for need in needs:
        if need.job_id:
            yield need.job_id
        else:
            yield from table.elders(job, known.get(_name(job), 0))
            known[_name(job)] = max(job.id, known.get(_name(job), 0))
