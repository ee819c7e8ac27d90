"""The client of `hpcsched-init`: steps of one container, over one connection."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hpcsched.errors import Conflict, ContainerGone, RuntimeFailure, VersionMismatch
from hpcsched.model.container import ObservedTask, StepExit, StepSpec
from hpcsched.runtimes import frames
from hpcsched.runtimes.base import Progress, WorkOrder, WorkWish
from hpcsched.runtimes.connection import Connection, dial
from hpcsched.runtimes.replies import exit_of, failure_text, is_mismatch, mismatch, observed_task, progress_of, shell_code

HELLO_DEADLINE_S = 30.0
T = TypeVar("T")
Environment = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Fate:
    """What is known of one step; `spec` only where this connection spawned it."""

    started: asyncio.Future[frames.Spawned]
    over: asyncio.Future[StepExit]
    spec: StepSpec | None = None
    shown: frames.Shown | None = None
    misbound: bool = False
    fds: list[int] = field(default_factory=list)


class InitSupervisor:
    """`env` lies under the environment of each step. `pid` is the supervisor's, in our pid namespace."""

    def __init__(self, path: Path, env: Environment = ()) -> None:
        self._name, self._env = path.parent.name, env
        self._decoder = frames.Decoder()
        self._fates: dict[int, _Fate] = {}
        self._orphans: list[int] = []
        self._hello: asyncio.Future[frames.Hello] = asyncio.get_running_loop().create_future()
        self._connection = Connection(dial(path), self._received, self._ended)
        self._gone: Exception | None = None
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._version = frames.PROTOCOL_VERSION
        self._looks: dict[int, asyncio.Future[frames.Worked]] = {}
        self._orders: dict[int, WorkOrder] = {}
        self._news: Callable[[int], None] = lambda job_id: None
        self.pid = 0

    @classmethod
    async def connect(cls, path: Path, env: Environment = (), deadline_s: float = HELLO_DEADLINE_S) -> InitSupervisor:
        """Returns once the supervisor has greeted. Raises ContainerGone, VersionMismatch."""
        supervisor = cls(path, env)
        try:
            async with asyncio.timeout(deadline_s):
                hello = await supervisor._hello
        except TimeoutError:
            await supervisor.close()
            raise ContainerGone(f"the supervisor of container {path.parent.name} does not answer") from None
        except BaseException:
            await supervisor.close()
            raise
        if not frames.OLDEST_VERSION <= hello.version <= frames.PROTOCOL_VERSION:
            await supervisor.close()
            raise VersionMismatch(f"container {path.parent.name} speaks protocol {hello.version}, we {frames.PROTOCOL_VERSION}")
        supervisor._version = hello.version
        return supervisor

    async def spawn(self, step: StepSpec, output: int) -> int:
        fate = self._fate(step.step_id, step)
        await self._send(self._spawn_frame(step, attached=False), output)
        return await self._started(fate)

    async def spawn_attached(self, step: StepSpec) -> tuple[int, int, int]:
        fate = self._fate(step.step_id, step)
        await self._send(self._spawn_frame(step, attached=True))
        await self._started(fate)
        return _as_three(fate, step)

    async def wait(self, step_id: int) -> StepExit:
        fate = self._fate(step_id)
        if not fate.over.done():
            await self._send(frames.status(step_id))
        return await asyncio.shield(fate.over)

    def shown(self, step_id: int) -> ObservedTask | None:
        fate = self._fates.get(step_id)
        return observed_task(fate.shown) if fate and fate.shown else None

    async def signal(self, step_id: int, signal: int) -> None:
        await self._send(frames.signal(step_id, signal))

    async def give_work(self, job_id: int, order: WorkOrder, output: int) -> None:
        if self._version < frames.WORKS_SINCE:
            raise VersionMismatch(f"container {self._name} is of an older agent and takes no works; submit the job again")
        self._orders[job_id] = order
        slots_own = {key for slot in order.slots for key, _ in slot.env}
        env = tuple(item for item in self._environment(order.command) if item[0] not in slots_own)
        await self._send(frames.work(job_id, order, env), output)

    async def want(self, job_id: int, wish: WorkWish) -> None:
        await self._send(frames.want(job_id, wish))

    async def progress(self, job_id: int) -> Progress:
        answer = self._looks.setdefault(job_id, asyncio.get_running_loop().create_future())
        await self._send(frames.look(job_id))
        worked = await asyncio.shield(answer)
        order = self._orders.get(job_id)
        return progress_of(worked, order.command if order else None)

    async def drop_work(self, job_id: int) -> None:
        self._orders.pop(job_id, None)
        await self._send(frames.drop(job_id))

    def on_news(self, call: Callable[[int], None]) -> None:
        self._news = call

    async def gone(self) -> None:
        await asyncio.shield(self._over)

    async def close(self) -> None:
        self._connection.close()
        self._end(ContainerGone(f"the connection to container {self._name} was closed"))

    async def _send(self, frame: bytes, fd: int = -1) -> None:
        if self._gone:
            raise self._gone
        await self._connection.send(frame, fd)

    async def _started(self, fate: _Fate) -> int:
        done, _ = await asyncio.wait((fate.started, fate.over), return_when=asyncio.FIRST_COMPLETED)
        if fate.started in done:
            return fate.started.result().pid
        exit_ = fate.over.result()
        if fate.misbound and fate.spec and fate.shown:
            raise mismatch(fate.spec, observed_task(fate.shown))
        if exit_.failure:
            raise RuntimeFailure(exit_.failure)
        return 0

    def _spawn_frame(self, step: StepSpec, attached: bool) -> bytes:
        """Raises VersionMismatch where the container's supervisor is too old to bind a step."""
        if frames.bound(step) and self._version < frames.BINDS_SINCE:
            raise VersionMismatch(f"container {self._name} is of an older agent and cannot bind tasks; submit the job again")
        return frames.spawn(step, self._environment(step), attached)

    def _environment(self, step: StepSpec) -> Environment:
        return tuple((dict(self._env) | dict(step.env)).items())

    def _fate(self, step_id: int, spec: StepSpec | None = None) -> _Fate:
        if step_id not in self._fates:
            loop = asyncio.get_running_loop()
            self._fates[step_id] = _Fate(loop.create_future(), loop.create_future())
        fate = self._fates[step_id]
        fate.spec = spec or fate.spec
        return fate

    def _received(self, data: bytes, fds: list[int], sender: int) -> None:
        self.pid = self.pid or sender
        try:
            replies = self._decoder.feed(data)
        except RuntimeFailure as error:
            self._orphans += fds
            self._connection.close()
            self._end(error)
            return
        for reply, its_fds in zip(replies, self._shared_out(len(replies), fds), strict=True):
            self._handle(reply, its_fds)

    def _shared_out(self, count: int, fds: list[int]) -> list[list[int]]:
        """Descriptors for each of `count` replies.

        The kernel ends a chunk with the message that they came with (unix(7)), so they are of the last reply, or of the one
        whose rest is still to come.
        """
        shares: list[list[int]] = [[] for _ in range(count)]
        if count:
            shares[0], self._orphans = self._orphans, []
        if count and not self._decoder.pending:
            shares[-1] += fds
        else:
            self._orphans += fds
        return shares

    def _handle(self, reply: frames.Reply, fds: list[int]) -> None:
        match reply:
            case frames.Hello():
                _settle(self._hello, reply)
            case frames.Spawned():
                fate = self._fate(reply.step_id)
                fate.fds, fds = fate.fds + fds, []
                _settle(fate.started, reply)
            case frames.Shown():
                self._fate(reply.step_id).shown = reply
            case frames.SpawnFailed():
                fate = self._fate(reply.step_id)
                fate.misbound = is_mismatch(reply)
                _settle(fate.over, StepExit(reply.step_id, shell_code(reply), failure=failure_text(reply, fate.spec)))
            case frames.Exited():
                _settle(self._fate(reply.step_id).over, exit_of(reply))
            case frames.News():
                self._news(reply.job_id)
            case frames.Worked():
                if look := self._looks.pop(reply.job_id, None):
                    _settle(look, reply)
            case frames.Unknown():
                unknown = StepExit(reply.step_id, failure="the step was never started")
                _settle(self._fate(reply.step_id).over, unknown)
                del self._fates[reply.step_id]
        _close_all(fds)

    def _ended(self) -> None:
        self._end(ContainerGone(f"container {self._name} is gone"))

    def _end(self, error: Exception) -> None:
        self._gone = self._gone or error
        futures = (
            self._hello,
            self._over,
            *self._looks.values(),
            *(one for fate in self._fates.values() for one in (fate.started, fate.over)),
        )
        for future in futures:
            if not future.done():
                future.set_exception(self._gone)
                future.exception()
        unclaimed = [self._orphans, *(fate.fds for fate in self._fates.values())]
        for fds in unclaimed:
            _close_all(fds)


def _settle(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _close_all(fds: list[int]) -> None:
    while fds:
        os.close(fds.pop())


def _as_three(fate: _Fate, step: StepSpec) -> tuple[int, int, int]:
    fds, fate.fds = fate.fds, []
    if len(fds) == (1 if step.tty else 3):
        return (fds[0], os.dup(fds[0]), os.dup(fds[0])) if step.tty else (fds[0], fds[1], fds[2])
    _close_all(fds)
    raise Conflict(f"step {step.step_id} was started before; its terminal or pipes are not ours, take a new step id")
