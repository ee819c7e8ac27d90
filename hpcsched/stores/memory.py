"""A journal that lives as long as the object: for tests and for trying things out. Closing and opening it again loses nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from hpcsched.errors import Conflict, StoreBusy, StoreError
from hpcsched.stores.base import Entry, RecordRow


class MemoryJournal:
    """`folder` is not touched."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._epoch = 0
        self._is_open = False
        self._snapshot: tuple[int, bytes] | None = None
        self._entries: list[Entry] = []
        self._records: dict[int, RecordRow] = {}

    def open(self) -> int:
        if self._is_open:
            raise StoreBusy(f"the journal is in use by process {os.getpid()}: close it first")
        self._is_open = True
        self._epoch += 1
        return self._epoch

    def load(self) -> tuple[bytes | None, int, Iterator[Entry]]:
        self._require_open()
        position, body = self._snapshot or (0, None)
        return body, position, iter(tuple(self._entries))

    def append(self, position: int, entries: Sequence[tuple[str, bytes]], records: Sequence[RecordRow] = ()) -> None:
        self._require_open()
        if position != self._last:
            raise Conflict(f"cannot append after position {position}: the journal ends at {self._last}; read it again")
        self._entries += [Entry(number, kind, body) for number, (kind, body) in enumerate(entries, position + 1)]
        for row in records:
            self._records.setdefault(row.job_id, row)

    def save_snapshot(self, position: int, body: bytes) -> None:
        self._require_open()
        if not 0 <= position <= self._last:
            raise Conflict(f"no snapshot at position {position}: the journal ends at {self._last}")
        self._snapshot = (position, body)
        self._entries = [entry for entry in self._entries if entry.position > position]

    def record(self, job_id: int) -> bytes | None:
        self._require_open()
        row = self._records.get(job_id)
        return row.body if row else None

    def records(self, limit: int, before_job_id: int = 0) -> list[bytes]:
        self._require_open()
        ids = sorted((job_id for job_id in self._records if not before_job_id or job_id < before_job_id), reverse=True)
        return [self._records[job_id].body for job_id in ids[:limit]]

    def jobs_of_request(self, request_id: str) -> tuple[int, ...]:
        self._require_open()
        return tuple(sorted(job_id for job_id, row in self._records.items() if row.request_id == request_id))

    def close(self) -> None:
        self._is_open = False

    @property
    def _last(self) -> int:
        return self._entries[-1].position if self._entries else self._snapshot[0] if self._snapshot else 0

    def _require_open(self) -> None:
        if not self._is_open:
            raise StoreError("the journal is not open")
