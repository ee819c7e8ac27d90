"""Waiting jobs with what orders them in arrays, so that a hundred thousand are ranked and sorted at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcsched.model.job import Job, JobSpec

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
_FLOATS = ("since", "limit", "nodes", "nice")
_INTS = ("id", "level", "user", "qos", "partition")


class Words:
    """Numbers for what is told apart, from 0 in the order of coming."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def number(self, word: Any) -> int:
        return self._numbers.setdefault(word, len(self._numbers))

    def all(self) -> list[Any]:
        return list(self._numbers)


class Columns:
    """One row for each job: `since` it waits, `limit` in seconds (infinite: none), `nodes`, `nice`, `level` (its --priority), and
    the numbers of its (account, user), QOS and partition in `words`. Rows are only added, so who kept some may always read them.
    """

    def __init__(self) -> None:
        self.size = 0
        self.words = {name: Words() for name in ("user", "qos", "partition")}
        self.jobs: NDArray[Any] = np.empty(0, object)
        self.floats = {name: np.empty(0, np.float64) for name in _FLOATS}
        self.ints = {name: np.empty(0, np.int64) for name in _INTS}

    def add(self, jobs: Sequence[Job]) -> Rows:
        """Their rows."""
        first, self.size = self.size, self.size + len(jobs)
        if self.size > len(self.jobs):
            self._grow(2 * self.size - len(self.jobs))
        if len(jobs) == 1:
            self._set(first, jobs[0])
            return np.array([first])
        rows = slice(first, self.size)
        self.jobs[rows] = jobs
        for name, column in self.floats.items():
            column[rows] = np.fromiter(map(_FIGURE[name], jobs), np.float64, len(jobs))
        for name, numbers in self.ints.items():
            found = self._numbers(name, jobs) if name in self.words else map(_FIGURE[name], jobs)
            numbers[rows] = np.fromiter(found, np.int64, len(jobs))
        return np.arange(first, self.size)

    def _set(self, row: int, job: Job) -> None:
        self.jobs[row] = job
        for name, column in self.floats.items():
            column[row] = _FIGURE[name](job)
        for name, numbers in self.ints.items():
            numbers[row] = self.words[name].number(_WORD[name](job)) if name in self.words else _FIGURE[name](job)

    def _numbers(self, name: str, jobs: Sequence[Job]) -> Iterator[int]:
        return map(self.words[name].number, map(_WORD[name], jobs))

    def _grow(self, more: int) -> None:
        self.jobs = np.concatenate((self.jobs, np.empty(more, object)))
        self.floats = {name: np.concatenate((column, np.empty(more))) for name, column in self.floats.items()}
        self.ints = {name: np.concatenate((column, np.empty(more, np.int64))) for name, column in self.ints.items()}

    def part(self, rows: Rows) -> Columns:
        """Others, of those rows alone, in that order."""
        made = Columns()
        made.size, made.words = len(rows), self.words
        made.jobs = self.jobs[rows]
        made.floats = {name: column[rows] for name, column in self.floats.items()}
        made.ints = {name: column[rows] for name, column in self.ints.items()}
        return made

    def waiting(self, rows: Rows) -> Waiting:
        return Waiting.of(self.jobs[rows], self, rows)


class Waiting(tuple[Job, ...]):
    """Jobs, and their rows in `columns`."""

    columns: Columns
    rows: Rows
    _jobs: NDArray[Any]

    @classmethod
    def of(cls, jobs: NDArray[Any], columns: Columns, rows: Rows) -> Waiting:
        made = cls(jobs.tolist())
        made._jobs, made.columns, made.rows = jobs, columns, rows
        return made

    def picked(self, places: Rows) -> Waiting:
        """The jobs at those places, in that order."""
        return Waiting.of(self._jobs[places], self.columns, self.rows[places])


def in_columns(jobs: Sequence[Job]) -> Waiting:
    """The same jobs."""
    if isinstance(jobs, Waiting):
        return jobs
    columns = Columns()
    return columns.waiting(columns.add(jobs))


def since(job: Job) -> float:
    """When it began to wait for nothing but the queue."""
    return job.eligible_time or job.submit_time


def limit(spec: JobSpec) -> float:
    return float(spec.time_limit_s) if spec.time_limit_s else math.inf


_FIGURE: dict[str, Callable[[Job], float]] = {
    "since": since,
    "limit": lambda job: limit(job.spec),
    "nodes": attrgetter("spec.nodes"),
    "nice": attrgetter("spec.nice"),
    "level": attrgetter("spec.priority"),
    "id": attrgetter("id"),
}
_WORD: dict[str, Callable[[Job], Any]] = {
    "user": attrgetter("spec.account", "spec.user"),
    "qos": attrgetter("spec.qos"),
    "partition": attrgetter("spec.partition"),
}


def column(jobs: Sequence[Job], name: str) -> NDArray[Any]:
    """That figure of each job, in their order."""
    if isinstance(jobs, Waiting):
        columns = jobs.columns
        return (columns.floats.get(name) if name in columns.floats else columns.ints[name])[jobs.rows]  # type: ignore[index]
    return np.fromiter(map(_FIGURE[name], jobs), np.float64 if name in _FLOATS else np.int64, len(jobs))
