"""Save what is whole of a damaged journal into a new folder; the old one is only read."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpcsched.errors import AlreadyExists, NotFound, StoreCorrupt, StoreError
from hpcsched.state import codec
from hpcsched.state.events import JobHeld
from hpcsched.state.state import State
from hpcsched.stores.base import RecordRow
from hpcsched.stores.lease import Lease
from hpcsched.stores.mark import Mark
from hpcsched.stores.sqlite import SqliteJournal
from hpcsched.stores.tables import FILE, checksum

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class SalvageReport:
    """`position`: up to there everything was whole. `fault`: what was wrong after it, empty when nothing was.

    `jobs`: live jobs saved; `held`: those of them that wait and were held, because they may have run after the fault.
    `records`: ended jobs saved; `records_lost`: those seen and damaged. Where whole pages are gone nobody knows how many.
    """

    target: Path
    position: int
    fault: str
    jobs: int
    held: int
    records: int
    records_lost: int


def salvage(folder: Path, target: Path) -> SalvageReport:
    """Write a good journal into `target`, which must not hold one. Raises NotFound, AlreadyExists, StoreBusy, StoreError."""
    if not (folder / FILE).is_file():
        raise NotFound(f"there is no journal in {folder}")
    if (target / FILE).exists():
        raise AlreadyExists(f"{target} holds a journal already: name an empty folder")
    lease = Lease(folder)
    lease.take()
    try:
        return _salvage(folder, target)
    except OSError as error:
        raise StoreError(f"cannot copy the journal of {folder}: {error.strerror} ({error.filename or target})") from None
    finally:
        lease.give_back()


def _salvage(folder: Path, target: Path) -> SalvageReport:
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="salvage-", dir=target) as scratch:
        for suffix in ("", "-wal"):
            if (folder / (FILE + suffix)).exists():
                shutil.copyfile(folder / (FILE + suffix), Path(scratch) / (FILE + suffix))
        database = sqlite3.connect(Path(scratch) / FILE, isolation_level=None)
        try:
            return _rescue(database, _marked(folder), target)
        finally:
            database.close()


def _marked(folder: Path) -> int:
    mark = Mark(folder)
    if not mark.path.exists():
        return 0
    mark.open()
    try:
        return mark.read()
    finally:
        mark.close()


def _rescue(database: sqlite3.Connection, marked: int, target: Path) -> SalvageReport:
    state, position, fault = _fold(database)
    if not fault and marked > position:
        fault = f"the journal ends there, but {marked} had been acknowledged"
    rows, lost = _records(database)
    ended = {row.job_id for row in rows}
    _forget_ended(state, ended)
    held = _hold_waiting(state) if fault else 0
    state.next_job_id = max([state.next_job_id, *(job_id + 1 for job_id in ended)])
    _write(target, state, rows, _epoch(database))
    return SalvageReport(target, position, fault, len(state.jobs), held, len(rows), lost)


def _fold(database: sqlite3.Connection) -> tuple[State, int, str]:
    """The state up to the first fault, its position, and the fault."""
    state, position = State(), 0
    try:
        state, position = _snapshot(database)
        query = "SELECT position, kind, body, crc FROM entry WHERE position > ? ORDER BY position"
        for found, kind, body, crc in database.execute(query, (position,)):
            if found != position + 1:
                return state, position, f"entry {position + 1} is missing"
            if crc != checksum(found, kind, body):
                return state, position, f"entry {found} is damaged"
            state.apply(codec.decode(kind, body))
            position = found
    except (sqlite3.Error, StoreCorrupt) as error:
        return state, position, str(error)
    return state, position, ""


def _snapshot(database: sqlite3.Connection) -> tuple[State, int]:
    row = database.execute("SELECT position, body, crc FROM snapshot ORDER BY position DESC LIMIT 1").fetchone()
    if row is None:
        return State(), 0
    position, body, crc = row
    if crc != checksum(position, "snapshot", body):
        raise StoreCorrupt(f"the snapshot at position {position} is damaged")
    return State.load(body), position


def _records(database: sqlite3.Connection) -> tuple[list[RecordRow], int]:
    """Those that can be read, from both ends when the middle is damaged; how many were seen and are damaged."""
    rows: dict[int, RecordRow] = {}
    damaged: set[int] = set()
    for order in ("ASC", "DESC"):
        for job_id, request_id, end_time, body, crc in _readable(database, order):
            if crc == checksum(job_id, request_id, body):
                rows[job_id] = RecordRow(job_id, request_id, end_time, body)
            else:
                damaged.add(job_id)
    return [rows[job_id] for job_id in sorted(rows)], len(damaged)


def _readable(database: sqlite3.Connection, order: str) -> Iterator[tuple[int, str, float, bytes, int]]:
    try:
        yield from database.execute(f"SELECT job_id, request_id, end_time, body, crc FROM record ORDER BY job_id {order}")
    except sqlite3.Error:
        return


def _forget_ended(state: State, ended: set[int]) -> None:
    """Jobs that wait in what was saved but are known to have ended later must not run again."""
    for job_id in ended & set(state.jobs):
        if job_id not in state.active:
            state.drop_job(state.jobs[job_id])


def _hold_waiting(state: State) -> int:
    waiting = [job.id for job in state.queue.ordered()]
    for job_id in waiting:
        state.apply(JobHeld(state.last_time, job_id))
    return len(waiting)


def _epoch(database: sqlite3.Connection) -> int:
    """Agents refuse an older epoch than they have seen; when it is lost, the time in seconds is surely newer."""
    try:
        found = database.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0]
    except (sqlite3.Error, TypeError):
        found = None
    return found if isinstance(found, int) else int(time.time())


def _write(target: Path, state: State, rows: list[RecordRow], epoch: int) -> None:
    journal = SqliteJournal(target)
    journal.open()
    try:
        for start in range(0, len(rows), _BATCH):
            journal.append(0, (), rows[start : start + _BATCH])
        journal.save_snapshot(0, state.dump())
        journal.raise_epoch(epoch)
    finally:
        journal.close()
