"""What a journal must promise; `tests/contract/test_store.py` proves it for each.

Positions count the entries from 1; position 0 is before the first. All methods block, and are called from one thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    position: int
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class RecordRow:
    """An ended job for the records table; `end_time` in Unix seconds."""

    job_id: int
    request_id: str
    end_time: float
    body: bytes


class Journal(Protocol):
    """Entries in order, one snapshot that stands for those before it, and the records of ended jobs."""

    def __init__(self, folder: Path) -> None: ...

    def open(self) -> int:
        """Take the lease and return its epoch, larger than any before it.

        Raises StoreBusy that names who holds it, StoreCorrupt, StoreError.
        """

    def load(self) -> tuple[bytes | None, int, Iterator[Entry]]:
        """The snapshot, the position that it stands for, and the entries after it.

        Raises StoreCorrupt, now or while iterating, at the first thing that is not as it was written.
        """

    def append(self, position: int, entries: Sequence[tuple[str, bytes]], records: Sequence[RecordRow] = ()) -> None:
        """Write (kind, body) pairs after `position` and the records with them: all durable when this returns, or none.

        The first record of a job stays. Raises Conflict when `position` is not the last, StoreBusy when the lease was taken
        over, StoreFull.
        """

    def save_snapshot(self, position: int, body: bytes) -> None:
        """Let `body` stand for all entries up to `position`, which are dropped. Raises as `append`."""

    def record(self, job_id: int) -> bytes | None: ...

    def records(self, limit: int, before_job_id: int = 0) -> list[bytes]:
        """Bodies by falling job id; with `before_job_id` only those of smaller ids."""

    def jobs_of_request(self, request_id: str) -> tuple[int, ...]:
        """Ended jobs of that request, by rising id."""

    def close(self) -> None:
        """Give the lease back; doing it twice is fine."""
