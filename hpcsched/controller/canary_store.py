"""What canaries have learnt, kept beside the journal: it can be lost, and is then learnt again."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec

from hpcsched.bench.watch import Watched

log = logging.getLogger(__name__)
FILE = "canaries.sqlite"
TIMEOUT_S = 5.0
_TABLES = """
CREATE TABLE IF NOT EXISTS node (name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS prepared (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
"""


class CanaryStore:
    """A row for each node, and one for each benchmark prepared there. A file that cannot be read or written is said, and no more.

    Calls come from one thread at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def load(self) -> tuple[list[Watched], dict[str, str]]:
        """Nodes; and settings by key."""
        nodes, prepared = list[Watched](), dict[str, str]()

        def read(base: sqlite3.Connection) -> None:
            nodes.extend(msgspec.json.decode(body, type=Watched) for (body,) in base.execute("SELECT body FROM node"))
            prepared.update(base.execute("SELECT key, body FROM prepared"))

        self._do(read)
        return nodes, prepared

    def keep(self, body: bytes, name: str) -> None:
        self._do(lambda base: base.execute("INSERT OR REPLACE INTO node VALUES (?, ?)", (name, body)))

    def keep_prepared(self, key: str, body: str) -> None:
        self._do(lambda base: base.execute("INSERT OR REPLACE INTO prepared VALUES (?, ?)", (key, body)))

    def _do(self, work: Callable[[sqlite3.Connection], object]) -> None:
        try:
            with contextlib.closing(sqlite3.connect(self._file, timeout=TIMEOUT_S)) as base, base:
                base.executescript(_TABLES)
                work(base)
        except (sqlite3.Error, msgspec.DecodeError, msgspec.ValidationError) as error:
            log.warning("what canaries learn is not kept in %s: %s", self._file, error)
