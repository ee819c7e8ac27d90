"""Waiting jobs with what orders them in arrays, so that a hundred thousand are ranked and sorted at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from hpcsched.model.job import Job, JobSpec, ResourceRequest

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Shape = tuple[ResourceRequest, str, str, str, tuple[str, ...], tuple[str, ...], str]
"""What is asked of a node, its runtime, the job's partition, constraint, list of nodes and required figures, and their image."""
_FLOATS = ("since", "limit", "nodes", "nice")
_INTS = ("id", "level", "user", "qos", "partition", "shape", "array")
_FIRST_STRETCH, _STRETCH = 8, 256
"""So many jobs are looked up at once: few at first, as most who ask look at no more."""
_FEW = 1000
"""So many are sorted quickest by both figures at once."""


class Words:
    """Numbers for what is told apart, from 0 in the order of coming."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def number(self, word: Any) -> int:
        return self._numbers.setdefault(word, len(self._numbers))

    def __len__(self) -> int:
        return len(self._numbers)

    def all(self) -> list[Any]:
        return list(self._numbers)

    def part(self, numbers: NDArray[np.int64]) -> tuple[Words, NDArray[np.int64]]:
        """Others, of those that have these numbers, and their numbers there."""
        made, all_ = Words(), self.all()
        used, places = np.unique(numbers, return_inverse=True)
        made._numbers = {all_[number]: place for place, number in enumerate(used.tolist())}
        return made, places


class Columns:
    """One row for each job: `since` it waits, `limit` in seconds (infinite: none), `nodes`, `nice`, `level` (its --priority), and
    the numbers of its (account, user), QOS, partition and `shape_of` in `words`; `array`: 1 for one. Rows are only added, and one
    that somebody may have read is never changed, so who kept some may always read them.
    """

    def __init__(self) -> None:
        self.size = 0
        self.words = {name: Words() for name in _WORD}
        self._number = [self.words[name].number for name in _WORD]
        self._set(np.empty(0, object), np.empty((len(_FLOATS), 0)), np.empty((len(_INTS), 0), np.int64))

    def _set(self, jobs: NDArray[Any], floats: Floats, ints: NDArray[np.int64]) -> None:
        self.jobs, self._floats, self._ints = jobs, floats, ints
        self.floats: dict[str, Floats] = dict(zip(_FLOATS, floats, strict=True))
        self.ints: dict[str, NDArray[np.int64]] = dict(zip(_INTS, ints, strict=True))

    def add(self, job: Job) -> int:
        """Its row."""
        row, self.size = self.size, self.size + 1
        if row == len(self.jobs):
            self._grow(self.size)
        self.jobs[row] = job
        spec = job.spec
        user, qos, partition, shape = self._number
        self._floats[:, row] = since(job), limit(spec), spec.nodes, spec.nice
        owner, whole = user((spec.account, spec.user)), shape(shape_of(spec))
        self._ints[:, row] = job.id, spec.priority, owner, qos(spec.qos), partition(spec.partition), whole, bool(spec.array)
        return row

    def add_all(self, jobs: Sequence[Job]) -> Rows:
        """Their rows."""
        count = len(jobs)
        rows = slice(self.size, self.size + count)
        self.size += count
        if self.size > len(self.jobs):
            self._grow(2 * self.size - len(self.jobs))
        self.jobs[rows] = jobs
        for name, column in self.floats.items():
            column[rows] = np.fromiter(map(_FIGURE[name], jobs), np.float64, count)
        for name, numbers in self.ints.items():
            found = map(self.words[name].number, map(_WORD[name], jobs)) if name in _WORD else map(_FIGURE[name], jobs)
            numbers[rows] = np.fromiter(found, np.int64, count)
        return np.arange(rows.start, rows.stop)

    def _grow(self, more: int) -> None:
        jobs = np.concatenate((self.jobs, np.empty(more, object)))
        floats = np.concatenate((self._floats, np.empty((len(_FLOATS), more))), axis=1)
        self._set(jobs, floats, np.concatenate((self._ints, np.empty((len(_INTS), more), np.int64)), axis=1))

    def part(self, rows: Rows) -> Columns:
        """Others, of those rows alone, in that order."""
        made = Columns()
        made.size = len(rows)
        made._set(self.jobs[rows], self._floats[:, rows], self._ints[:, rows])
        for name, words in self.words.items():
            made.words[name], made.ints[name][:] = words.part(made.ints[name])
        made._number = [made.words[name].number for name in _WORD]
        return made


class Waiting(Sequence[Job]):
    """The jobs of these rows. A job is not looked at before somebody asks for it."""

    __slots__ = ("columns", "rows")

    def __init__(self, columns: Columns, rows: Rows) -> None:
        self.columns, self.rows = columns, rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Job: ...
    @overload
    def __getitem__(self, place: slice) -> Waiting: ...
    def __getitem__(self, place: Any) -> Any:
        return Waiting(self.columns, self.rows[place]) if isinstance(place, slice) else self.columns.jobs[self.rows[place]]

    def __iter__(self) -> Iterator[Job]:
        first, stretch = 0, _FIRST_STRETCH
        while first < len(self.rows):
            yield from self.columns.jobs[self.rows[first : first + stretch]].tolist()
            first, stretch = first + stretch, _STRETCH

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def column(self, name: str) -> NDArray[Any]:
        """That figure of each job, in their order."""
        return (self.columns.floats.get(name) if name in _FLOATS else self.columns.ints[name])[self.rows]  # type: ignore[index]

    def firsts(self, name: str) -> list[tuple[int, int]]:
        """(place of its first job, number) of each number in a column of words, by place."""
        numbers = self.column(name)
        if len(self.columns.words[name]) == 1:
            return [(0, 0)] if len(numbers) else []
        first = np.full(len(self.columns.words[name]), len(numbers))
        first[numbers[::-1]] = np.arange(len(numbers))[::-1]
        here = np.flatnonzero(first < len(numbers))
        return sorted(zip(first[here].tolist(), here.tolist(), strict=True))

    def picked(self, places: Rows | NDArray[np.bool_]) -> Waiting:
        """The jobs at those places, in that order, or those that are marked."""
        return Waiting(self.columns, self.rows[places])


def in_columns(jobs: Sequence[Job]) -> Waiting:
    """The same jobs."""
    if isinstance(jobs, Waiting):
        return jobs
    columns = Columns()
    return Waiting(columns, columns.add_all(jobs))


def since(job: Job) -> float:
    """When it began to wait for nothing but the queue."""
    return job.eligible_time or job.submit_time


def shape_of(spec: JobSpec) -> Shape:
    """Jobs of one shape fit the same nodes."""
    image = spec.image if spec.require else ""
    return spec.resources, spec.runtime, spec.partition, spec.constraint, spec.nodelist, spec.require, image


def asked(shape: Shape) -> JobSpec:
    """Of that shape, and else the least that can be asked."""
    resources, runtime, partition, constraint, nodelist, require, image = shape
    return JobSpec(
        resources=resources,
        runtime=runtime,
        partition=partition,
        constraint=constraint,
        nodelist=nodelist,
        require=require,
        image=image,
    )


def limit(spec: JobSpec) -> float:
    return float(spec.time_limit_s) if spec.time_limit_s else math.inf


_FIGURE: dict[str, Callable[[Job], float]] = {
    "since": since,
    "limit": lambda job: limit(job.spec),
    "nodes": attrgetter("spec.nodes"),
    "nice": attrgetter("spec.nice"),
    "level": attrgetter("spec.priority"),
    "id": attrgetter("id"),
    "array": lambda job: bool(job.spec.array),
}
_WORD: dict[str, Callable[[Job], Any]] = {
    "user": attrgetter("spec.account", "spec.user"),
    "qos": attrgetter("spec.qos"),
    "partition": attrgetter("spec.partition"),
    "shape": lambda job: shape_of(job.spec),
}


def by_falling(values: Floats, then: NDArray[np.int64]) -> Rows:
    """Places by falling value, equal ones by rising `then`, whose numbers are whole, not below 0 and far below 2**40.

    Quickest where most are in that order already.
    """
    if len(values) < _FEW:
        return np.lexsort((then, -values))
    places = np.argsort(-values, kind="stable")
    ordered, follow = values[places], then[places]
    steps = ordered[1:] != ordered[:-1]
    if np.all(steps | (follow[1:] > follow[:-1])):
        return places
    group = np.concatenate((np.zeros(1, np.int64), np.cumsum(steps)))
    return places[np.argsort(group * (int(then.max()) + 1) + follow)]


NOBODY = in_columns(())
