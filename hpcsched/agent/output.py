"""Jobs' output files on the node: opened for the supervisor, read for whoever follows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import AsyncIterator, Container
from pathlib import Path

from hpcsched.agent.prepare import allowed_path
from hpcsched.errors import NotFound, RuntimeFailure
from hpcsched.runtimes.mounts import open_without_links

CHUNK = 64 << 10
"""Bytes in one message."""
POLL_S = 0.01
IDLE_POLL_S = 0.25
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
"""Not blocking, so that a pipe without a reader does not hold the agent (fifo(7))."""


class Outputs:
    """Files `jobN.out` in `folder`; those of the `keep` latest jobs stay.

    A job's own file (`--stdout`) is linked from there; it must lie in one of the folders `allow`.
    """

    def __init__(self, folder: Path, keep: int, allow: tuple[str, ...]) -> None:
        self._folder, self._keep, self._allow = folder.resolve(), keep, allow
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, job_id: int) -> Path:
        return self._folder / f"job{job_id}.out"

    def create(self, job_id: int, stdout: str) -> None:
        """Make the file, or the link to `stdout` (`%j` is the job id), before the job's first step.

        Raises RuntimeFailure when `stdout` is not in an allowed folder or cannot be written.
        """
        path = self.path(job_id)
        try:
            path.unlink(missing_ok=True)
            if stdout:
                path.symlink_to(self._allowed(stdout.replace("%j", str(job_id))))
        except OSError as error:
            raise RuntimeFailure(f"cannot write the output file {path}: {error.strerror}") from None
        os.close(self.append(job_id))

    def append(self, job_id: int) -> int:
        """A descriptor to append to. Raises RuntimeFailure."""
        path = _target(self.path(job_id))
        try:
            file = open_without_links(path, _APPEND, 0o640)
        except OSError as error:
            raise RuntimeFailure(f"cannot write the output file {path}: {error.strerror}") from None
        if _is_harmless(file):
            return file
        os.close(file)
        raise RuntimeFailure(f"cannot write the output file {path}: it is not a regular file")

    def _allowed(self, stdout: str) -> str:
        if os.path.realpath(stdout) == os.devnull:
            return os.devnull
        return allowed_path(stdout, self._allow, f"cannot write the output file {stdout}")

    def prune(self, alive: Container[int] = ()) -> None:
        """Remove the oldest files beyond `keep`, but none of jobs that are `alive`."""
        files = sorted(self._folder.glob("job*.out"), key=_number, reverse=True)
        for path in files[self._keep :]:
            if _number(path) not in alive:
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
            file = open_without_links(_target(self.path(job_id)), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, 0)
        except OSError:
            return None
        if _is_harmless(file):
            return file
        os.close(file)
        return None


def _target(path: Path) -> str:
    """Where the job's own file is: links are followed once, when it is made, so that a job cannot lead us elsewhere later."""
    return os.readlink(path) if path.is_symlink() else str(path)


def _is_harmless(file: int) -> bool:
    mode = os.fstat(file).st_mode
    return stat.S_ISREG(mode) or os.path.samestat(os.fstat(file), os.stat(os.devnull))


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
