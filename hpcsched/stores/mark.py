"""The last acknowledged position, beside the journal.

SQLite takes a damaged end of its write-ahead log for one that was never finished, and goes on without it. The mark is
written after each commit and without a sync, so it is never ahead of what was acknowledged; a journal that ends before it
has lost something.
"""

from __future__ import annotations

import os
from pathlib import Path

from hpcsched.errors import StoreCorrupt

_WIDTH = 20


class Mark:
    """The file `journal.mark` of that folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.mark"
        self._descriptor = -1

    def open(self) -> None:
        """Raises OSError."""
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, position: int) -> None:
        """A mark that cannot be written stays behind, which is harmless."""
        try:
            os.pwrite(self._descriptor, f"{position:<{_WIDTH}}\n".encode(), 0)
        except OSError:
            pass

    def read(self) -> int:
        """0 when there is none."""
        text = os.pread(self._descriptor, _WIDTH, 0).strip()
        return int(text) if text.isdigit() else 0

    def require(self, position: int, advice: str) -> None:
        """Raises StoreCorrupt when the journal ends before the mark."""
        marked = self.read()
        if marked > position:
            raise StoreCorrupt(
                f"the journal ends at position {position}, but {marked} had been acknowledged: {advice}; "
                f"to go on without what is missing, delete {self.path}"
            )

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
