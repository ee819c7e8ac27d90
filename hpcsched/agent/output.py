"""Jobs' output files on the node: opened for the supervisor, read for whoever follows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

from hpcsched.errors import NotFound, RuntimeFailure

CHUNK = 64 << 10
"""Bytes in one message."""
POLL_S = 0.01
IDLE_POLL_S = 0.25
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
"""Not blocking, so that a pipe without a reader does not hold the agent (fifo(7))."""


class Outputs:
    """Files `jobN.out` in `folder`; those of the `keep` latest jobs stay. A job's own file (`--stdout`) is linked from there."""

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder, self._keep = folder, keep
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, job_id: int) -> Path:
        return self._folder / f"job{job_id}.out"

    def open(self, job_id: int, stdout: str) -> int:
        """A descriptor to append to; `%j` in `stdout` is the job id. Raises RuntimeFailure when that file cannot be written."""
        path = self.path(job_id)
        try:
            if stdout and not path.is_symlink():
                path.symlink_to(stdout.replace("%j", str(job_id)))
            file = os.open(path, _APPEND, 0o640)
        except OSError as error:
            raise RuntimeFailure(f"cannot write the output file {os.path.realpath(path)}: {error.strerror}") from None
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise RuntimeFailure(f"cannot write the output file {os.path.realpath(path)}: it is not a regular file")
        return file

    def prune(self) -> None:
        """Remove the oldest files beyond `keep`."""
        files = sorted(self._folder.glob("job*.out"), key=_number, reverse=True)
        for path in files[self._keep :]:
            path.unlink(missing_ok=True)

    async def read(self, job_id: int, offset: int, ended: asyncio.Event | None) -> AsyncIterator[bytes]:
        """Chunks from `offset` to what is there now, or with `ended` to what is there when that is set.

        Raises NotFound when there is no file and, without `ended`, none to wait for.
        """
        while (file := self._open(job_id)) is None and ended and not ended.is_set():
            await _either(ended, POLL_S)
        if file is None and ended:
            return
        if file is None:
            raise NotFound(f"this node has no output of job {job_id}: it never ran here, or its file was removed")
        try:
            async for chunk in _chunks(file, offset, ended):
                yield chunk
        finally:
            os.close(file)

    def _open(self, job_id: int) -> int | None:
        try:
            return os.open(self.path(job_id), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None


async def _chunks(file: int, offset: int, ended: asyncio.Event | None) -> AsyncIterator[bytes]:
    wait_s = POLL_S
    while True:
        last = ended is None or ended.is_set()
        while chunk := os.pread(file, CHUNK, offset):
            offset += len(chunk)
            wait_s = POLL_S
            yield chunk
        if last or ended is None:
            return
        await _either(ended, wait_s)
        wait_s = min(IDLE_POLL_S, wait_s * 1.5)


async def _either(ended: asyncio.Event, wait_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), wait_s)


def _number(path: Path) -> int:
    digits = path.stem.removeprefix("job")
    return int(digits) if digits.isdigit() else -1
