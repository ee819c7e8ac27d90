"""The journal in one SQLite file: write-ahead log, every commit synced, every row with its checksum."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hpcsched.errors import Conflict, StoreBusy, StoreCorrupt, StoreError
from hpcsched.stores.base import Entry, RecordRow
from hpcsched.stores.lease import Lease
from hpcsched.stores.mark import Mark
from hpcsched.stores.tables import FILE, FORMAT, SCHEMA, advice, checksum, translated

_PRAGMAS = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA journal_size_limit = 1048576",
    "PRAGMA cell_size_check = ON",
)


class SqliteJournal:
    """In `folder`, which is made when it is not there: `journal.sqlite` and its log, `journal.mark`, `lock`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lease, self._mark = Lease(folder), Mark(folder)
        self._database: sqlite3.Connection | None = None
        self._epoch = 0
        self._last = 0

    def open(self) -> int:
        self._make_folder()
        self._lease.take()
        try:
            self._mark.open()
            with translated(self._folder):
                self._connect()
                self._epoch = self._next_epoch()
                self._last = self._last_position()
            self._mark.require(self._last, advice(self._folder))
        except BaseException:
            self.close()
            raise
        return self._epoch

    def load(self) -> tuple[bytes | None, int, Iterator[Entry]]:
        with translated(self._folder):
            row = self._db.execute("SELECT position, body, crc FROM snapshot ORDER BY position DESC LIMIT 1").fetchone()
        if row is None:
            return None, 0, self._entries(0)
        position, body, crc = row
        if crc != checksum(position, "snapshot", body):
            raise StoreCorrupt(f"the snapshot at position {position} in {self._folder} is damaged; {advice(self._folder)}")
        return body, position, self._entries(position)

    def append(self, position: int, entries: Sequence[tuple[str, bytes]], records: Sequence[RecordRow] = ()) -> None:
        if position != self._last:
            raise Conflict(f"cannot append after position {position}: the journal ends at {self._last}; read it again")
        with self._transaction() as database:
            database.executemany("INSERT INTO entry VALUES (?, ?, ?, ?)", _entry_rows(position, entries))
            database.executemany("INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?, ?)", map(_record_row, records))
        self._last = position + len(entries)
        self._mark.write(self._last)

    def save_snapshot(self, position: int, body: bytes) -> None:
        if not 0 <= position <= self._last:
            raise Conflict(f"no snapshot at position {position}: the journal ends at {self._last}")
        with self._transaction() as database:
            database.execute("DELETE FROM snapshot")
            database.execute("INSERT INTO snapshot VALUES (?, ?, ?)", (position, body, checksum(position, "snapshot", body)))
            database.execute("DELETE FROM entry WHERE position <= ?", (position,))
        with translated(self._folder):
            self._db.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);")

    def record(self, job_id: int) -> bytes | None:
        found = self._records("WHERE job_id = ?", (job_id,))
        return found[0] if found else None

    def records(self, limit: int, before_job_id: int = 0) -> list[bytes]:
        return self._records("WHERE ? = 0 OR job_id < ? ORDER BY job_id DESC LIMIT ?", (before_job_id, before_job_id, limit))

    def jobs_of_request(self, request_id: str) -> tuple[int, ...]:
        with translated(self._folder):
            rows = self._db.execute("SELECT job_id FROM record WHERE request_id = ? ORDER BY job_id", (request_id,))
            return tuple(row[0] for row in rows)

    def raise_epoch(self, epoch: int) -> None:
        """Make the next epoch larger than that one."""
        with translated(self._folder):
            self._db.execute("UPDATE meta SET value = max(value, ?) WHERE key = 'epoch'", (epoch,))

    def close(self) -> None:
        database, self._database = self._database, None
        try:
            if database is not None:
                with translated(self._folder):
                    database.close()
        finally:
            self._mark.close()
            self._lease.give_back()

    @property
    def _db(self) -> sqlite3.Connection:
        if self._database is None:
            raise StoreError(f"the journal in {self._folder} is not open")
        return self._database

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the state folder {self._folder}: {error.strerror}") from None

    def _connect(self) -> None:
        self._database = sqlite3.connect(self._folder / FILE, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            self._database.execute(pragma).fetchall()
        self._database.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
        os.chmod(self._folder / FILE, 0o600)
        found = self._meta("format")
        if found != FORMAT:
            raise StoreError(f"the journal in {self._folder} has format {found}, this version of hpcsched reads {FORMAT}")

    def _meta(self, key: str) -> int:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is None or not isinstance(row[0], int):
            raise StoreCorrupt(f"the journal in {self._folder} has lost its {key}; {advice(self._folder)}")
        return row[0]

    def _next_epoch(self) -> int:
        self._db.execute("UPDATE meta SET value = value + 1 WHERE key = 'epoch'")
        return self._meta("epoch")

    def _last_position(self) -> int:
        query = "SELECT max((SELECT ifnull(max(position), 0) FROM entry), (SELECT ifnull(max(position), 0) FROM snapshot))"
        return int(self._db.execute(query).fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and only while the epoch is still ours."""
        database = self._db
        with translated(self._folder):
            database.execute("BEGIN IMMEDIATE")
            try:
                self._require_epoch()
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    def _require_epoch(self) -> None:
        epoch = self._meta("epoch")
        if epoch != self._epoch:
            raise StoreBusy(f"another controller took over the journal in {self._folder} (epoch {epoch}, ours is {self._epoch})")

    def _entries(self, position: int) -> Iterator[Entry]:
        with translated(self._folder):
            for found, kind, body, crc in self._db.execute(
                "SELECT position, kind, body, crc FROM entry WHERE position > ? ORDER BY position", (position,)
            ):
                position += 1
                self._require_whole(position, found, crc == checksum(found, kind, body))
                yield Entry(found, kind, body)

    def _require_whole(self, expected: int, found: int, whole: bool) -> None:
        if found != expected or not whole:
            fault = "is damaged" if found == expected else "is missing"
            raise StoreCorrupt(f"entry {expected} of the journal in {self._folder} {fault}; {advice(self._folder)}")

    def _records(self, where: str, arguments: tuple[int, ...]) -> list[bytes]:
        with translated(self._folder):
            rows = self._db.execute(f"SELECT job_id, request_id, body, crc FROM record {where}", arguments).fetchall()
        for job_id, request_id, body, crc in rows:
            if crc != checksum(job_id, request_id, body):
                raise StoreCorrupt(f"the record of job {job_id} in {self._folder} is damaged; {advice(self._folder)}")
        return [row[2] for row in rows]


def _entry_rows(position: int, entries: Sequence[tuple[str, bytes]]) -> Iterator[tuple[int, str, bytes, int]]:
    for number, (kind, body) in enumerate(entries, position + 1):
        yield number, kind, body, checksum(number, kind, body)


def _record_row(row: RecordRow) -> tuple[int, str, float, bytes, int]:
    return row.job_id, row.request_id, row.end_time, row.body, checksum(row.job_id, row.request_id, row.body)
