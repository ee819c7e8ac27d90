"""The SQLite tables, and how each row is known to be as it was written."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpcsched.errors import HpcschedError, StoreBusy, StoreCorrupt, StoreError, StoreFull

FILE = "journal.sqlite"
FORMAT = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (position INTEGER PRIMARY KEY, kind TEXT NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS snapshot (position INTEGER PRIMARY KEY, body BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS record
    (job_id INTEGER PRIMARY KEY, request_id TEXT NOT NULL, end_time REAL NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS record_request ON record (request_id);
INSERT OR IGNORE INTO meta VALUES ('format', 1), ('epoch', 0);
"""


def checksum(number: int, text: str, body: object) -> int:
    """crc32 over all that a row says: its position or job id, its kind or request, its body.

    In a damaged file a body can be of any type: -1 then, which no row has.
    """
    if not isinstance(body, bytes):
        return -1
    return zlib.crc32(body, zlib.crc32(f"{number} {text} ".encode()))


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(error, folder) from None


def advice(folder: Path) -> str:
    return f"`hpcsched journal salvage {folder}` saves what is whole"


def _translate(error: sqlite3.Error, folder: Path) -> HpcschedError:
    name = str(getattr(error, "sqlite_errorname", ""))
    if name.startswith("SQLITE_FULL"):
        return StoreFull(f"no room for the journal in {folder}: nothing was accepted; free some space, then it goes on")
    if name.startswith("SQLITE_BUSY"):
        return StoreBusy(f"another process has the journal in {folder} open: stop it, or use another state folder")
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_PERM")):
        return StoreError(f"cannot read or write the journal in {folder}: {error} ({name})")
    return StoreCorrupt(f"the journal in {folder} is damaged: {error}; {advice(folder)}")
