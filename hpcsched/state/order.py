"""Jobs in the order of the queue, kept while they come and go."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from hpcsched.model.job import Job
from hpcsched.sched.waiting import Columns, Floats, Rows, Waiting, by_falling

Rank = Callable[[Waiting, float], Sequence[float]]
"""The priority of each job at that time, in their order."""
_Key = tuple[int, float, int]
VERY_FEW, FEW = 3, 64
"""So many new ones are put to their places one after the other, and so many without sorting all."""
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
        self._new: dict[int, int] = {}
        """Rows of those without a place."""
        self._rows: Rows = np.empty(0, np.intp)
        self._ranks: Floats = np.empty(0)
        self._gone: list[int] = []
        self._moved: dict[int, int] = {}
        """Rows that have a place, and those that it belongs to instead."""
        self._shown = 0
        """Rows from here on nobody has read."""
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
        rows = self._new if job.id in self._new else self._row_of
        row = rows.get(job.id, -1)
        known: Job | None = self._columns.jobs[row] if row >= 0 else None
        if known is None or known.spec is not job.spec or known.eligible_time != job.eligible_time:
            return False
        if row >= self._shown:
            self._columns.jobs[row] = job
        else:
            rows[job.id] = self._moved[row] = self._columns.add(job)
        self._read = None
        return True

    def drop(self, job_id: int) -> None:
        """One that is not there is fine."""
        row = self._row_of.pop(job_id, None)
        if row is not None:
            self._gone.append(row)
            self._read = None
        else:
            self._new.pop(job_id, None)
        if self._columns.size > 2 * len(self._row_of) + _SPARE:
            self._tidy()

    def put(self, job: Job) -> None:
        """A new one."""
        self._new[job.id] = self._columns.add(job)

    def settle(self, rank: Callable[[Waiting], Sequence[float]]) -> None:
        """Find the places of the new ones."""
        self._sweep()
        rows = self._rows_of_new()
        ranks = np.asarray(rank(Waiting(self._columns, rows)), np.float64)
        if len(rows) <= VERY_FEW:
            for row, found in zip(rows.tolist(), ranks.tolist(), strict=True):
                self._insert_one(row, found)
        elif len(rows) > FEW:
            self._sort(np.concatenate((self._rows, rows)), np.concatenate((self._ranks, ranks)))
        else:
            self._insert(rows, ranks)

    def settle_anew(self, rank: Callable[[Waiting], Sequence[float]]) -> None:
        """Find the places of all of them."""
        self._sweep()
        rows = np.concatenate((self._rows, self._rows_of_new()))
        self._sort(rows, np.asarray(rank(Waiting(self._columns, rows)), np.float64))

    def _rows_of_new(self) -> Rows:
        rows = np.fromiter(self._new.values(), np.intp, len(self._new))
        self._row_of.update(self._new)
        self._new.clear()
        return rows

    def _sort(self, rows: Rows, ranks: Floats) -> None:
        ints = self._columns.ints
        levels, ids = ints["level"][rows], ints["id"][rows]
        places = np.lexsort((ids, -ranks, -levels)) if len(rows) and np.ptp(levels) else by_falling(ranks, ids)
        self._rows, self._ranks, self._read = rows[places], ranks[places], None

    def _insert_one(self, row: int, rank: float) -> None:
        key, count = self._key(row, rank), len(self._rows)
        last = not count or key > self._key_at(count - 1)
        place = count if last else bisect_left(range(count), key, key=self._key_at)
        self._rows, self._ranks, self._read = _with(self._rows, place, row), _with(self._ranks, place, rank), None

    def _insert(self, rows: Rows, ranks: Floats) -> None:
        keyed = sorted(zip((self._key(row, rank) for row, rank in zip(rows, ranks, strict=True)), rows, ranks, strict=True))
        places = [bisect_left(range(len(self._rows)), key, key=self._key_at) for key, _, _ in keyed]
        self._rows = np.insert(self._rows, places, [row for _, row, _ in keyed])
        self._ranks = np.insert(self._ranks, places, [rank for _, _, rank in keyed])
        self._read = None

    def _key_at(self, place: int) -> _Key:
        return self._key(self._rows[place], self._ranks[place])

    def _key(self, row: Any, rank: Any) -> _Key:
        ints = self._columns.ints
        return -int(ints["level"][row]), -float(rank), int(ints["id"][row])

    def _sweep(self) -> None:
        """Take out those that are gone, and look at the new rows of the others."""
        if self._moved:
            places = np.flatnonzero(self._marked(self._moved))
            rows = self._rows.copy()
            rows[places] = [self._moved[row] for row in rows[places].tolist()]
            self._rows = rows
            self._moved.clear()
        if self._gone:
            kept = ~self._marked(self._gone) if len(self._gone) > 1 else self._rows != self._gone[0]
            self._rows, self._ranks = self._rows[kept], self._ranks[kept]
            self._gone.clear()

    def _marked(self, rows: Collection[int]) -> NDArray[np.bool_]:
        """At which places these rows are."""
        wanted = np.fromiter(rows, np.intp, len(rows))
        if len(rows) <= FEW and len(self._rows) > MANY:
            return np.isin(self._rows, wanted)
        marks = np.zeros(self._columns.size, np.bool_)
        marks[wanted] = True
        return marks[self._rows]

    def _tidy(self) -> None:
        """Forget the rows of jobs that are gone when they are the most. Who still reads them keeps the old columns."""
        if self._columns.size <= 2 * len(self) + _SPARE:
            return
        self._sweep()
        rows = np.concatenate((self._rows, np.fromiter(self._new.values(), np.intp, len(self._new))))
        self._columns, placed, self._shown, self._read = self._columns.part(rows), len(self._rows), 0, None
        self._rows = np.arange(placed)
        ids = self._columns.ints["id"].tolist()
        self._row_of = dict(zip(ids[:placed], range(placed), strict=True))
        self._new = dict(zip(ids[placed:], range(placed, len(ids)), strict=True))

    def fewest_nodes(self) -> int:
        """No job asks for fewer; 0: there is none."""
        if not len(self):
            return 0
        self._sweep()
        nodes = self._columns.floats["nodes"]
        new = min([nodes[row] for row in self._new.values()], default=math.inf)
        return int(min(new, np.minimum.reduce(nodes[self._rows], initial=math.inf)))

    def all(self) -> list[Job]:
        """In no order."""
        jobs = self._columns.jobs
        return [jobs[row] for rows in (self._row_of, self._new) for row in rows.values()]

    def read(self) -> tuple[Waiting, Ranks]:
        """Jobs that have a place, and their ranks; again the same objects when nothing has changed."""
        if self._read is None:
            self._tidy()
            self._sweep()
            self._read, self._shown = (Waiting(self._columns, self._rows), Ranks(self._ranks)), self._columns.size
        return self._read


def _with(numbers: NDArray[Any], place: int, number: float) -> NDArray[Any]:
    """Others, with that number at that place."""
    made = np.empty(len(numbers) + 1, numbers.dtype)
    made[:place], made[place], made[place + 1 :] = numbers[:place], number, numbers[place:]
    return made
