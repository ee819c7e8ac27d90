"""Who may write in a folder: an exclusive flock(2), which the kernel takes back when the holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from hpcsched.errors import StoreBusy, StoreError


class Lease:
    """On the file `lock` of that folder, which holds the holder's pid for the message."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / "lock"
        self._descriptor = -1

    def take(self) -> None:
        """Raises StoreBusy that names the holder, StoreError."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"cannot open {self._path}: {error.strerror}; choose another state folder or mend this one"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write_pid(descriptor)
        except OSError as error:
            holder = _read_pid(descriptor)
            os.close(descriptor)
            raise self._refused(error, holder) from None
        self._descriptor = descriptor

    def _refused(self, error: OSError, holder: str) -> StoreError:
        if isinstance(error, BlockingIOError):
            return StoreBusy(f"{self._folder} is in use by process {holder}: stop that controller, or use another state folder")
        return StoreError(f"cannot lock {self._path}: {error.strerror}")

    def give_back(self) -> None:
        """Doing it twice is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _write_pid(descriptor: int) -> None:
    """Of fixed width, so that it overwrites the one before it even on a full disk."""
    os.pwrite(descriptor, f"{os.getpid():<20}\n".encode(), 0)


def _read_pid(descriptor: int) -> str:
    text = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
    return text if text.isdigit() else "(unknown)"
