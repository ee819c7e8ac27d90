"""Jobs' output files on the node: opened for the supervisor, read for whoever follows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import AsyncIterator, Container
from pathlib import Path

from hpcsched.agent import records
from hpcsched.agent.prepare import allowed_path
from hpcsched.agent.work_order import is_packed
from hpcsched.errors import NotFound, RuntimeFailure
from hpcsched.model.array import parse_array
from hpcsched.model.container import Work
from hpcsched.runtimes.mounts import open_without_links

CHUNK = 64 << 10
"""Bytes in one message."""
POLL_S = 0.01
IDLE_POLL_S = 0.25
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
"""Not blocking, so that a pipe without a reader does not hold the agent (fifo(7))."""


class Outputs:
    """Files `jobN.out` in `folder`; those of the `keep` latest jobs stay. `jobN.rec`: records of the tasks of an array.

    A job's own file (`--stdout`) is linked from there; it must lie in one of the folders `allow`.
    """

    def __init__(self, folder: Path, keep: int, allow: tuple[str, ...]) -> None:
        self._folder, self._keep, self._allow = folder.resolve(), keep, allow
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._ends: dict[int, asyncio.Event] = {}

    def path(self, job_id: int) -> Path:
        return self._folder / f"job{job_id}.out"

    def create(self, job_id: int, stdout: str, again: bool = False) -> None:
        """Make the file, or the link to `stdout` (`%j` is the job id), before the job's first step. `again`: what is there stays.

        Raises RuntimeFailure when `stdout` is not in an allowed folder or cannot be written.
        """
        path = self.path(job_id)
        try:
            if not again:
                path.unlink(missing_ok=True)
            if stdout and not path.is_symlink():
                path.symlink_to(self._allowed(stdout.replace("%j", str(job_id))))
        except OSError as error:
            raise RuntimeFailure(f"cannot write the output file {path}: {error.strerror}") from None
        os.close(self.append(job_id))

    def append(self, job_id: int) -> int:
        """A descriptor to append to. Raises RuntimeFailure."""
        return self._append(_target(self.path(job_id)))

    def _append(self, path: str) -> int:
        try:
            file = open_without_links(path, _APPEND, 0o640)
        except OSError as error:
            raise RuntimeFailure(f"cannot write the output file {path}: {error.strerror}") from None
        if _is_harmless(file):
            return file
        os.close(file)
        raise RuntimeFailure(f"cannot write the output file {path}: it is not a regular file")

    def open_work(self, work: Work, again: bool) -> int:
        """A descriptor for what its tasks write; `again` as in `create`. Raises RuntimeFailure."""
        self._ends[work.job_id] = asyncio.Event()
        if is_packed(work):
            return self._append(str(self._records(work.job_id)))
        self.create(work.job_id, work.stdout.replace("%A", str(work.job_id)), again)
        return self.append(work.job_id)

    def ended(self, job_id: int) -> None:
        """Nothing more comes of that work here."""
        if event := self._ends.pop(job_id, None):
            event.set()

    def end_of(self, job_id: int) -> asyncio.Event | None:
        """Set when a work that is under way has ended; None where none is."""
        return self._ends.get(job_id)

    def share_out(self, work: Work) -> None:
        """What the tasks of an array have written goes to their own files (`%a`: the task id); after a kill -9 the last again.

        Raises RuntimeFailure, InvalidValue.
        """
        if is_packed(work) and work.stdout:
            with self._records(work.job_id).open("rb") as file:
                for end, position, data in records.scan(file.fileno(), _noted(self._mark(work.job_id))):
                    self._hand_out(work, position, data)
                    self._mark(work.job_id).write_text(str(end))

    def _hand_out(self, work: Work, position: int, data: bytes) -> None:
        task_id = parse_array(work.array).task_id(position)
        names = (("%A", work.job_id), ("%j", work.job_id), ("%a", task_id))
        path = work.stdout
        for mark, number in names:
            path = path.replace(mark, str(number))
        file = self._append(self._allowed(path))
        try:
            os.write(file, data)
        finally:
            os.close(file)

    def _records(self, job_id: int) -> Path:
        return self._folder / f"job{job_id}.rec"

    def _mark(self, job_id: int) -> Path:
        """How far the records have been handed out, in bytes."""
        return self._folder / f"job{job_id}.mark"

    def _allowed(self, stdout: str) -> str:
        if os.path.realpath(stdout) == os.devnull:
            return os.devnull
        return allowed_path(stdout, self._allow, f"cannot write the output file {stdout}")

    def prune(self, alive: Container[int] = ()) -> None:
        """Remove the oldest files beyond `keep`, but none of jobs that are `alive`."""
        paths = [path for path in self._folder.glob("job*.*") if path.suffix in (".out", ".rec", ".mark")]
        old = set(sorted({_number(path) for path in paths}, reverse=True)[self._keep :])
        for path in paths:
            if (number := _number(path)) in old and number not in alive and number not in self._ends:
                path.unlink(missing_ok=True)

    async def read(
        self, job_id: int, offset: int, ended: asyncio.Event | None, position: int | None = None
    ) -> AsyncIterator[bytes]:
        """Chunks from `offset` to what is there now, or with `ended` to what is there when that is set.

        `position`: of one task of an array only.

        Raises NotFound when there is no file.
        """
        if (file := self._open(job_id)) is None:
            raise NotFound(f"this node has no output of job {job_id}: it never ran here, or its file was removed")
        packed = os.fstat(file).st_ino == _inode(self._records(job_id))
        try:
            async for chunk in _packed(file, offset, ended, position) if packed else _chunks(file, offset, ended):
                yield chunk
        finally:
            os.close(file)

    def exists(self, job_id: int) -> bool:
        """It has begun to run here: its file, a link to that, or the records of its tasks were made."""
        return self._records(job_id).exists() or os.path.lexists(self.path(job_id))

    def _open(self, job_id: int) -> int | None:
        try:
            path = self._records(job_id) if self._records(job_id).exists() else _target(self.path(job_id))
            file = open_without_links(str(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, 0)
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
        await wait_for(ended, wait_s)
        wait_s = min(IDLE_POLL_S, wait_s * 1.5)


async def _packed(file: int, offset: int, ended: asyncio.Event | None, position: int | None) -> AsyncIterator[bytes]:
    """`offset` in what is given out: so many bytes of it are left out."""
    at = 0
    while True:
        last = ended is None or ended.is_set()
        for end, owner, data in records.scan(file, at):
            at = end
            if position in (None, owner):
                offset, left = max(0, offset - len(data)), data[offset:]
                if left:
                    yield left
        if last or ended is None:
            return
        await wait_for(ended, IDLE_POLL_S)


def _inode(path: Path) -> int:
    return path.stat().st_ino if path.exists() else -1


def _noted(path: Path) -> int:
    text = path.read_text() if path.exists() else ""
    return int(text) if text.isdigit() else 0


async def wait_for(ended: asyncio.Event, wait_s: float) -> None:
    """At most so long."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), wait_s)


def _number(path: Path) -> int:
    digits = path.stem.removeprefix("job")
    return int(digits) if digits.isdigit() else -1
