"""What tuned settings were before, for all agents of the machine together: a setting of the machine knows no nodes.

One file, changed under a lock, and always noted before the setting is touched. A boot makes it void: it has undone everything.
One that cannot be read is put aside, and stays until someone takes it away.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hpcsched.errors import StoreCorrupt
from hpcsched.state.codec import decode_value, decoder, encode_value

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Holder:
    """A container that wants the setting; `owner`: the folder of its agent."""

    owner: str
    name: str
    wish: str


@dataclass(slots=True)
class Note:
    """One file of the kernel: what it held before, what we have put there since, and who wants it, the oldest first.

    One that nobody wants is still to be put back.
    """

    setting: str
    path: str
    before: str
    ours: list[str] = field(default_factory=list)
    holders: list[Holder] = field(default_factory=list)

    def wishes(self) -> list[str]:
        return [holder.wish for holder in self.holders]

    def join(self, holder: Holder) -> None:
        """In the place that the container has already, if it has one."""
        others = [other for other in self.holders if other.name != holder.name]
        self.holders = self.holders if len(others) < len(self.holders) else [*others, holder]

    def drop(self, over: Callable[[Holder], bool]) -> bool:
        """These want it no longer; True if there were any."""
        kept = [holder for holder in self.holders if not over(holder)]
        dropped, self.holders = len(kept) < len(self.holders), kept
        return dropped

    def remember(self, value: str) -> None:
        """We are about to put it there."""
        if value not in self.ours:
            self.ours.append(value)


@dataclass(slots=True)
class Book:
    """The file: notes in the order of the changes."""

    boot_id: str
    notes: list[Note]


_BOOK = decoder(Book)


class TuningNotes:
    """`folder` is the same for all agents of the machine."""

    def __init__(self, folder: Path, boot_id: str) -> None:
        self._folder, self._boot_id = folder, boot_id

    def damage(self) -> str:
        """What an admin should know of notes that could not be read; empty where there are none."""
        if not self._damaged.exists():
            return ""
        return f"{self._damaged} cannot be read, so settings may be as a job had them: look at them, then remove the file"

    def any(self) -> bool:
        """Something is noted, if of this boot or not; cheap."""
        return self._path.exists()

    @contextlib.contextmanager
    def opened(self) -> Iterator[list[Note]]:
        """The notes of this boot, to be changed in place and saved; no other agent has them meanwhile. Raises OSError."""
        self._folder.parent.mkdir(mode=0o750, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield self._read()
        finally:
            os.close(folder)

    def save(self, notes: list[Note]) -> None:
        """Whole for whoever reads after a kill -9; no file when there is nothing to note. Raises OSError."""
        if notes:
            fresh = self._path.with_suffix(".new")
            fresh.write_bytes(encode_value(Book(self._boot_id, notes)))
            os.replace(fresh, self._path)
        else:
            self._path.unlink(missing_ok=True)

    def _read(self) -> list[Note]:
        try:
            book = decode_value(_BOOK, self._path.read_bytes(), str(self._path))
        except FileNotFoundError:
            return []
        except StoreCorrupt as error:
            log.warning("%s; what jobs have changed on this node is not known any more", error)
            os.replace(self._path, self._damaged)
            return []
        return book.notes if book.boot_id == self._boot_id else []

    @property
    def _path(self) -> Path:
        return self._folder / "notes.json"

    @property
    def _damaged(self) -> Path:
        return self._folder / "notes.damaged"
