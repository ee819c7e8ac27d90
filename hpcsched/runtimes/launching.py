"""Our side of the launch helper: start it, hand it plans, hear how each start went."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hpcsched.errors import ContainerGone, MissingTool, RuntimeFailure
from hpcsched.runtimes.connection import listen
from hpcsched.runtimes.folder import Folder
from hpcsched.runtimes.supervisor import Environment, InitSupervisor

_LOG_LINE = re.compile(r"\b(?:ERROR|FATAL)\s+\S+ - \S+:\d+ - (.*)")


class Launcher:
    """One helper process of that kind (`lxc`, `bare`); it ends with us, what it started does not."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Raises MissingTool when the helper cannot import what it needs. One that has died is started again."""
        async with self._opening:
            if self._process is None or self._process.poll() is not None:
                await self.close()
                await self._open()

    async def _open(self) -> None:
        self._control = self._start_helper()
        answer = await asyncio.get_running_loop().sock_recv(self._control, 4096)
        if answer != b"ready":
            await self.close()
            raise MissingTool(f"the launch helper does not run: {answer.decode() or 'it ended'}; apt-get install python3-lxc")

    def _start_helper(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            command = [sys.executable, "-m", "hpcsched.runtimes.launcher", str(theirs.fileno()), self._kind]
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
            )
        return ours

    async def close(self) -> None:
        if self._control:
            self._control.close()
        if self._process:
            await asyncio.to_thread(self._process.wait)
        self._control = self._process = None

    async def launch(self, folder: Folder, env: Environment, deadline_s: float = 60.0) -> InitSupervisor:
        """Carry out the plan in the folder; returns once its supervisor has greeted. Raises RuntimeFailure with the reason."""
        await self.open()
        with self._requested(folder) as complaints:
            try:
                return await InitSupervisor.connect(folder.socket, env, deadline_s)
            except ContainerGone:
                raise RuntimeFailure(f"container {folder.name} does not start: {_reason(complaints, folder.log)}") from None

    @contextmanager
    def _requested(self, folder: Folder) -> Iterator[int]:
        """Gives the pipe that tells why, should the start fail."""
        complaints, writing = os.pipe2(os.O_CLOEXEC)
        try:
            try:
                with listen(folder.socket) as listener, _locked(folder.plan, fcntl.LOCK_SH) as plan:
                    self._request([listener.fileno(), writing, plan])
            finally:
                os.close(writing)
            yield complaints
        finally:
            os.close(complaints)

    def _request(self, fds: list[int]) -> None:
        if self._control is None:
            raise RuntimeFailure("the launch helper is not running; open the runtime first")
        try:
            socket.send_fds(self._control, [b"start"], fds)
        except OSError as error:
            raise RuntimeFailure(f"the launch helper does not take the request: {error.strerror}") from None


def await_launch(folder: Folder, deadline_s: float = 10.0) -> None:
    """When this returns, a start under way (even of an agent that has died) has told its pid. Raises RuntimeFailure."""
    until = time.monotonic() + deadline_s
    while folder.plan.exists():
        with suppress(FileNotFoundError, BlockingIOError), _locked(folder.plan, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return
        if time.monotonic() > until:
            raise RuntimeFailure(f"container {folder.name}: the launch helper holds its start for more than {deadline_s:g} s")
        time.sleep(0.001)


@contextmanager
def _locked(path: Path, how: int) -> Iterator[int]:
    """The open file, locked until the last process that has it closes it (flock(2)). Raises BlockingIOError."""
    with path.open() as file:
        fcntl.flock(file, how)
        yield file.fileno()


def _reason(complaints: int, log: Path) -> str:
    """The helper's own words, and LXC's first error, which is nearest to the cause."""
    os.set_blocking(complaints, False)
    said = ""
    with suppress(BlockingIOError):
        said = os.read(complaints, 4096).decode(errors="replace").strip().replace("\n", "; ")
    logged = [match[1] for line in _lines(log) if (match := _LOG_LINE.search(line))]
    return "; ".join(part for part in (said, *logged[:2]) if part) or "it ended at once"


def _lines(log: Path) -> list[str]:
    try:
        return log.read_text(errors="replace").splitlines()
    except OSError:
        return []
