"""Jobs in the order of the queue, kept while they come and go."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from hpcsched.model.job import Job
from hpcsched.sched.waiting import Columns, Floats, Rows, Waiting

Rank = Callable[[Waiting, float], Sequence[float]]
"""The priority of each job at that time, in their order."""
_Key = tuple[int, float, int]
FEW = 64
"""So many new ones are put to their places one by one; more of them at once by sorting all."""
MANY = 10_000
"""In so many it is quicker to look for a few than to mark all."""
_SPARE = 1024


class Ranks(Sequence[float]):
    """Numbers that nobody changes any more, each made a float when somebody looks at it."""

    def __init__(self, numbers: Floats) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranks) and np.array_equal(self._numbers, other._numbers)

    __hash__ = None  # type: ignore[assignment]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Floats:
        return self._numbers

    @overload
    def __getitem__(self, place: int) -> float: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[float]: ...
    def __getitem__(self, place: Any) -> Any:
        found = self._numbers[place]
        return found.tolist() if isinstance(place, slice) else float(found)


class Order:
    """Highest `spec.priority` first, then the highest rank, then by id. Jobs that were put have a place after `settle` only."""

    def __init__(self) -> None:
        self._columns = Columns()
        self._row_of: dict[int, int] = {}
        self._new: dict[int, Job] = {}
        self._rows: Rows = np.empty(0, np.intp)
        self._ranks: Floats = np.empty(0)
        self._gone: list[int] = []
        self._read: tuple[Waiting, Ranks] | None = None

    def __len__(self) -> int:
        return len(self._row_of) + len(self._new)

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._row_of or job_id in self._new

    @property
    def has_new(self) -> bool:
        """Some have no place yet."""
        return bool(self._new)

    def replace(self, job: Job) -> bool:
        """The job of that id, whose place stays the same. False: it is not here, or its place may change."""
        row = self._row_of.get(job.id)
        known = self._new.get(job.id) if row is None else self._columns.jobs[row]
        if known is None or known.spec is not job.spec or known.eligible_time != job.eligible_time:
            return False
        if row is None:
            self._new[job.id] = job
        else:
            self._columns.jobs[row] = job
            self._read = None
        return True

    def drop(self, job_id: int) -> None:
        """One that is not there is fine."""
        self._new.pop(job_id, None)
        row = self._row_of.pop(job_id, None)
        if row is not None:
            self._columns.jobs[row] = None
            self._gone.append(row)
            self._read = None

    def put(self, job: Job) -> None:
        """A new one."""
        self._new[job.id] = job

    def settle(self, rank: Callable[[Waiting], Sequence[float]]) -> None:
        """Find the places of the new ones."""
        self._sweep()
        rows = self._rows_of_new()
        ranks = np.asarray(rank(self._columns.waiting(rows)), np.float64)
        if len(rows) > FEW:
            self._sort(np.concatenate((self._rows, rows)), np.concatenate((self._ranks, ranks)))
        else:
            self._insert(rows, ranks)

    def settle_anew(self, rank: Callable[[Waiting], Sequence[float]]) -> None:
        """Find the places of all of them."""
        self._sweep()
        rows = np.sort(np.concatenate((self._rows, self._rows_of_new())))
        self._sort(rows, np.asarray(rank(self._columns.waiting(rows)), np.float64))

    def _rows_of_new(self) -> Rows:
        rows = self._columns.add(list(self._new.values()))
        self._row_of.update(zip(self._new, rows.tolist(), strict=True))
        self._new.clear()
        return rows

    def _sort(self, rows: Rows, ranks: Floats) -> None:
        ints = self._columns.ints
        levels = ints["level"][rows]
        keys = (ints["id"][rows], -ranks, -levels) if len(rows) and np.ptp(levels) else (ints["id"][rows], -ranks)
        places = np.lexsort(keys)
        self._rows, self._ranks, self._read = rows[places], ranks[places], None

    def _insert(self, rows: Rows, ranks: Floats) -> None:
        keyed = sorted(zip((self._key(row, rank) for row, rank in zip(rows, ranks, strict=True)), rows, ranks, strict=True))
        places = [bisect_left(range(len(self._rows)), key, key=self._key_at) for key, _, _ in keyed]
        self._rows = _inserted(self._rows, places, [row for _, row, _ in keyed])
        self._ranks = _inserted(self._ranks, places, [rank for _, _, rank in keyed])
        self._read = None

    def _key_at(self, place: int) -> _Key:
        return self._key(self._rows[place], self._ranks[place])

    def _key(self, row: Any, rank: Any) -> _Key:
        ints = self._columns.ints
        return -int(ints["level"][row]), -float(rank), int(ints["id"][row])

    def _sweep(self) -> None:
        """Take out those that are gone."""
        if self._gone:
            few = len(self._gone) <= FEW and len(self._rows) > MANY
            kept = ~np.isin(self._rows, self._gone) if few else self._alive()
            self._rows, self._ranks = self._rows[kept], self._ranks[kept]
            self._gone.clear()
        if self._columns.size > 2 * len(self._row_of) + _SPARE:
            self._forget_rows()

    def _alive(self) -> NDArray[np.bool_]:
        gone = np.zeros(self._columns.size, np.bool_)
        gone[self._gone] = True
        return ~gone[self._rows]

    def _forget_rows(self) -> None:
        """Of jobs that are gone. Who still reads the old rows keeps the old columns."""
        self._columns = self._columns.part(self._rows)
        self._rows = np.arange(len(self._rows))
        self._row_of = dict(zip(self._columns.ints["id"].tolist(), range(len(self._rows)), strict=True))

    def all(self) -> list[Job]:
        """In no order."""
        jobs = self._columns.jobs
        return [*(jobs[row] for row in self._row_of.values()), *self._new.values()]

    def read(self) -> tuple[Waiting, Ranks]:
        """Jobs that have a place, and their ranks; again the same objects when nothing has changed."""
        if self._read is None:
            self._sweep()
            self._read = self._columns.waiting(self._rows), Ranks(self._ranks)
        return self._read


def _inserted(numbers: NDArray[Any], places: list[int], new: list[Any]) -> NDArray[Any]:
    """As np.insert, which takes several times as long for one."""
    if len(places) != 1:
        return np.insert(numbers, places, new)
    return np.concatenate((numbers[: places[0]], np.array(new, numbers.dtype), numbers[places[0] :]))
