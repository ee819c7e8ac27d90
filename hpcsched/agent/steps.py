"""`exec` and `shell`: a step inside a job's container, its pipes or terminal carried over a channel."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import signal
import struct
import termios
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hpcsched.agent.tasks import MAX_TASKS
from hpcsched.errors import Conflict, ContainerGone, RuntimeFailure
from hpcsched.model.container import StepSpec
from hpcsched.v1 import agent_service_pb2 as pb
from hpcsched.v1 import job_service_pb2 as job_pb
from hpcsched.wire.convert import to_message

if TYPE_CHECKING:
    from hpcsched.agent.agent import Agent
    from hpcsched.agent.keeper import Keeper
    from hpcsched.runtimes.base import Supervisor

CHUNK = 32 << 10
DRAIN_S = 1.0
"""How long output is still read after the step has ended while a child of it holds the pipe open."""


async def serve(agent: Agent, stream: Any, inbox: asyncio.Queue[Any], start: Any) -> None:
    """Run the step to its end. `inbox`: what the client sends, then None. Raises Conflict, RuntimeFailure."""
    keeper = agent.keeper_of(start.job_id)
    if keeper is None or keeper.ended.is_set():
        raise Conflict(f"job {start.job_id} does not run on this node now")
    if keeper.suspended:
        raise Conflict(f"job {start.job_id} is suspended, so nothing can run in its container; hpcsched resume {start.job_id}")
    try:
        supervisor = await keeper.runtime.connect(keeper.page.name)
        try:
            await _Session(supervisor, stream, inbox, _spec(keeper, start)).run(start)
        finally:
            await supervisor.close()
    except ContainerGone:
        raise Conflict(f"job {start.job_id} has ended, and its steps with it") from None


def _spec(keeper: Keeper, start: Any) -> StepSpec:
    desired = keeper.page.desired
    env = {**dict(desired.container.env), **{item.name: item.value for item in start.env}}
    workdir = start.workdir or (desired.command.workdir if desired.command else "/")
    return StepSpec(step_id_of(start.request_id), tuple(start.argv), tuple(env.items()), workdir, tty=start.tty)


def step_id_of(request_id: str) -> int:
    """Never a task's, and the same for a retry, which the supervisor then refuses to start again."""
    return MAX_TASKS + zlib.crc32(request_id.encode()) % ((1 << 32) - MAX_TASKS)


class _Session:
    def __init__(self, supervisor: Supervisor, stream: Any, inbox: asyncio.Queue[Any], spec: StepSpec) -> None:
        self._supervisor, self._stream, self._inbox, self._spec = supervisor, stream, inbox, spec
        self._write_lock = asyncio.Lock()
        self._sent = 0

    async def run(self, start: Any) -> None:
        """Until the step ends, or the client leaves; then the step gets SIGHUP."""
        try:
            files = await self._supervisor.spawn_attached(self._spec)
        except ContainerGone:
            raise
        except RuntimeFailure:
            return await self._send(job_pb.ExecStepResponse(exit=to_message(await self._supervisor.wait(self._spec.step_id))))
        try:
            if self._spec.tty:
                _resize(files[0], start.window)
            await self._carry(*files)
        finally:
            for file in files:
                with contextlib.suppress(OSError):
                    os.close(file)
            await self._hang_up()
        return None

    async def _carry(self, stdin: int, stdout: int, stderr: int) -> None:
        outputs = [("stdout", stdout)] if self._spec.tty else [("stdout", stdout), ("stderr", stderr)]
        readers = [asyncio.create_task(self._pump(kind, file)) for kind, file in outputs]
        feeding = asyncio.create_task(self._feed(stdin))
        waiting = asyncio.create_task(self._supervisor.wait(self._spec.step_id))
        try:
            await asyncio.wait([waiting, feeding], return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                ended = waiting.result()
                await self._drain(readers)
                await self._send(job_pb.ExecStepResponse(exit=to_message(ended)))
        finally:
            await _end([waiting, feeding, *readers])

    async def _drain(self, readers: Sequence[asyncio.Task[None]]) -> None:
        """Read on as long as something comes or waits to be sent; a child that holds a pipe open in silence is not waited for."""
        pending, before = set(readers), -1
        while pending and (self._sent != before or self._write_lock.locked()):
            before = self._sent
            _, pending = await asyncio.wait(pending, timeout=DRAIN_S)

    async def _hang_up(self) -> None:
        with contextlib.suppress(ContainerGone):
            await self._supervisor.signal(self._spec.step_id, signal.SIGHUP)

    async def _send(self, response: Any) -> None:
        async with self._write_lock:
            await self._stream.write(pb.ChannelRequest(exec=response))
            self._sent += 1

    async def _pump(self, kind: str, file: int) -> None:
        os.set_blocking(file, False)
        while data := await _read(file):
            await self._send(job_pb.ExecStepResponse(stdout=data) if kind == "stdout" else job_pb.ExecStepResponse(stderr=data))

    async def _feed(self, stdin: int) -> None:
        """What the client sends: input, window, signals. Its end is the end of input."""
        os.set_blocking(stdin, False)
        while (response := await self._inbox.get()) is not None:
            message = response.exec
            kind = message.WhichOneof("message")
            if kind == "stdin":
                await _write(stdin, message.stdin)
            elif kind == "window" and self._spec.tty:
                _resize(stdin, message.window)
            elif kind == "signal" and 0 < message.signal < 65:
                await self._supervisor.signal(self._spec.step_id, message.signal)
            elif kind == "stdin_closed":
                await self._close_input(stdin)

    async def _close_input(self, stdin: int) -> None:
        """A pipe is closed by a descriptor that nobody reads; a terminal gets its end-of-file character."""
        if self._spec.tty:
            return await _write(stdin, b"\x04")
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(null, stdin, inheritable=False)
        return os.close(null)


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _resize(terminal: int, window: Any) -> None:
    rows, columns = min(window.rows, 10_000) or 24, min(window.columns, 10_000) or 80
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


async def _read(file: int) -> bytes:
    """Some bytes, or none at the end; a terminal whose other side is closed gives EIO (pty(7))."""
    while True:
        try:
            return os.read(file, CHUNK)
        except BlockingIOError:
            await _ready(file, asyncio.get_running_loop().add_reader, asyncio.get_running_loop().remove_reader)
        except OSError as error:
            if error.errno == errno.EIO:
                return b""
            raise


async def _write(file: int, data: bytes) -> None:
    """All of it; what a step does not read any more is dropped."""
    while data:
        try:
            data = data[os.write(file, data) :]
        except BlockingIOError:
            await _ready(file, asyncio.get_running_loop().add_writer, asyncio.get_running_loop().remove_writer)
        except OSError:
            return


async def _ready(file: int, add: Any, remove: Any) -> None:
    ready = asyncio.Event()
    add(file, ready.set)
    try:
        await ready.wait()
    finally:
        remove(file)
