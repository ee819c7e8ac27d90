"""The frames between us and `hpcsched-init`; `init/frame.h` holds the layout."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from hpcsched.errors import InvalidValue, RuntimeFailure
from hpcsched.model.container import StepSpec
from hpcsched.model.idset import IdSet
from hpcsched.runtimes.base import Env, TaskSlot, WorkOrder, WorkWish

PROTOCOL_VERSION = 3
OLDEST_VERSION = 1
"""Of a container of an older agent: 2 takes no works; 1 takes no bound steps either, and cuts no output at line ends."""
BINDS_SINCE, WORKS_SINCE = 2, 3
MAX_FRAME = 16 << 20
MAX_REPLY = 64 << 10
"""Bytes; what comes from a container is not trusted to be short."""
SPAWN, SIGNAL, STATUS, WORK, WANT, LOOK, DROP = 1, 2, 3, 4, 5, 6, 7
HELLO, SPAWNED, SPAWN_FAILED, EXITED, UNKNOWN, SHOWN, NEWS, WORKED = 16, 17, 18, 19, 20, 21, 22, 23
ATTACHED, TTY, SCRIPT, BOUND, WHOLE_LINES, PACKED, NUMBERED = 1, 2, 4, 8, 16, 32, 64
BY_ITSELF, BY_LIMIT, BY_CANCEL = 0, 1, 2
STAGE_SETUP, STAGE_WORKDIR, STAGE_EXEC, STAGE_BINDING = 1, 2, 3, 4
MAX_CPUS, MAX_NODES = 8192, 1024
"""Of Linux (NR_CPUS, MAX_NUMNODES), and of `init/binding.h`."""


@dataclass(frozen=True, slots=True)
class Hello:
    version: int
    pid: int


@dataclass(frozen=True, slots=True)
class Spawned:
    step_id: int
    pid: int


@dataclass(frozen=True, slots=True)
class SpawnFailed:
    """`errno` as in errno(3), 0 where the kernel shows another binding; `stage` is one of the STAGE constants."""

    step_id: int
    errno: int
    stage: int


@dataclass(frozen=True, slots=True)
class Exited:
    """`wait_status` as of wait(2), `max_rss` in bytes, times in microseconds."""

    step_id: int
    wait_status: int
    max_rss: int
    user_us: int
    system_us: int


@dataclass(frozen=True, slots=True)
class Unknown:
    step_id: int


@dataclass(frozen=True, slots=True)
class Shown:
    """Affinity and memory policy of a bound step before its exec; `policy` is a mode of set_mempolicy(2) with flags."""

    step_id: int
    policy: int
    cpus: IdSet
    mems: IdSet


@dataclass(frozen=True, slots=True)
class News:
    """Tasks of that job have started or ended since we last looked."""

    job_id: int


@dataclass(frozen=True, slots=True)
class EndedTask:
    """Not with exit code 0. `wait_status` as of wait(2); `stage`, if not 0, and `errno` as in SpawnFailed; `cause` is a BY_*."""

    position: int
    wait_status: int
    errno: int
    stage: int
    cause: int


@dataclass(frozen=True, slots=True)
class Worked:
    """`done`: half-open ranges of positions that ended with exit code 0. Times in microseconds since 1970, 0: none.

    `cpu_us`, `max_rss` (bytes): of all that have ended, those that are not wanted any more too.
    """

    job_id: int
    started: int
    running: int
    first_us: int
    last_us: int
    cpu_us: int
    max_rss: int
    done: tuple[tuple[int, int], ...]
    ended: tuple[EndedTask, ...]


Reply = Hello | Spawned | SpawnFailed | Exited | Unknown | Shown | News | Worked

_REPLIES: dict[int, tuple[type[Reply], struct.Struct]] = {
    HELLO: (Hello, struct.Struct("<II")),
    SPAWNED: (Spawned, struct.Struct("<II")),
    SPAWN_FAILED: (SpawnFailed, struct.Struct("<IIB")),
    EXITED: (Exited, struct.Struct("<IIQQQ")),
    UNKNOWN: (Unknown, struct.Struct("<I")),
    NEWS: (News, struct.Struct("<Q")),
}


def spawn(step: StepSpec, env: Env, attached: bool) -> bytes:
    """Raises InvalidValue for what execve(2) could not be given: nothing to run, a NUL, 16 MiB or more; for ids too high."""
    argv = _argv(step)
    head = struct.pack("<IBQII", step.step_id, _flags(step, attached), step.output_cap, len(argv), len(env))
    head += _bits(step.cpus, MAX_CPUS) + _bits(step.mems, MAX_NODES) if bound(step) else b""
    strings = (step.workdir or "/", *argv, *_variables(env))
    return _frame(SPAWN, head + b"".join(map(_string, strings)) + step.script)


def _argv(step: StepSpec) -> tuple[str, ...]:
    if not step.argv and not step.script:
        raise InvalidValue("no command to run: give a command or a script")
    return step.argv or ("script",)


def work(job_id: int, order: WorkOrder, env: Env) -> bytes:
    """Raises InvalidValue as `spawn` does."""
    command, argv = order.command, _argv(order.command)
    wanted = (SCRIPT, command.script), (WHOLE_LINES, True), (PACKED, order.packed), (NUMBERED, order.numbered)
    flags = sum(flag for flag, wish in wanted if wish)
    head = struct.pack("<QIBQIII", job_id, order.restarts, flags, command.output_cap, len(argv), len(env), len(order.slots))
    strings = (command.workdir or "/", *argv, *_variables(env))
    slots = b"".join(map(_slot, order.slots))
    return _frame(WORK, head + b"".join(map(_string, strings)) + slots + command.script)


def _slot(slot: TaskSlot) -> bytes:
    bits = _bits(slot.cpus, MAX_CPUS) + _bits(slot.mems, MAX_NODES)
    return bits + struct.pack("<I", len(slot.env)) + b"".join(map(_string, _variables(slot.env)))


def _variables(env: Env) -> Iterator[str]:
    return (f"{key}={value}" for key, value in env)


def want(job_id: int, wish: WorkWish) -> bytes:
    grace_ms = min(int(wish.grace_s * 1000), (1 << 32) - 1)
    head = struct.pack("<QBIII", job_id, wish.cancel, wish.time_limit_s, grace_ms, len(wish.ranges))
    return _frame(WANT, head + b"".join(struct.pack("<IIII", *part) for part in wish.ranges))


def look(job_id: int) -> bytes:
    return _frame(LOOK, struct.pack("<Q", job_id))


def drop(job_id: int) -> bytes:
    return _frame(DROP, struct.pack("<Q", job_id))


def bound(step: StepSpec) -> bool:
    return bool(step.cpus or step.mems)


def _flags(step: StepSpec, attached: bool) -> int:
    wanted = (ATTACHED, attached), (TTY, step.tty), (SCRIPT, step.script), (BOUND, bound(step)), (WHOLE_LINES, step.whole_lines)
    return sum(flag for flag, wish in wanted if wish)


def _bits(ids: IdSet, limit: int) -> bytes:
    """u32 size, then a bit for each id, the lowest first."""
    if ids.mask >> limit:
        raise InvalidValue(f"cannot bind a step to {ids}: Linux has no id above {limit - 1} there")
    return struct.pack("<I", size := -(-ids.mask.bit_length() // 8)) + ids.mask.to_bytes(size, "little")


def signal(step_id: int, number: int) -> bytes:
    return _frame(SIGNAL, struct.pack("<II", step_id, number))


def status(step_id: int) -> bytes:
    return _frame(STATUS, struct.pack("<I", step_id))


def _string(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    if b"\0" in raw:
        raise InvalidValue(f"a NUL byte in {text[:40]!r}: no argument, variable or path can hold one")
    return raw + b"\0"


def _frame(kind: int, body: bytes) -> bytes:
    if len(body) >= MAX_FRAME:
        raise InvalidValue(f"command, environment and script take {len(body)} bytes together, the limit is {MAX_FRAME - 1}")
    return struct.pack("<IB", len(body) + 1, kind) + body


class Decoder:
    """Bytes as they come to whole replies."""

    def __init__(self) -> None:
        self._pending = bytearray()

    @property
    def pending(self) -> bool:
        """Part of a reply has come, the rest has not."""
        return bool(self._pending)

    def feed(self, data: bytes) -> list[Reply]:
        """Raises RuntimeFailure on anything that our own supervisor would not send."""
        self._pending += data
        replies = []
        while (size := self._size()) is not None and len(self._pending) >= size + 4:
            replies.append(_decode(bytes(self._pending[4 : size + 4])))
            del self._pending[: size + 4]
        return replies

    def _size(self) -> int | None:
        if len(self._pending) < 4:
            return None
        size = int.from_bytes(self._pending[:4], "little")
        if not 1 <= size <= MAX_REPLY:
            raise RuntimeFailure(f"the container's supervisor sent a frame of {size} bytes; remove the container")
        return size


def _decode(body: bytes) -> Reply:
    if body[0] == SHOWN:
        return _decode_shown(body[1:])
    if body[0] == WORKED:
        return _decode_worked(body[1:])
    kind, layout = _REPLIES.get(body[0], (None, None))
    if kind is None or layout is None or layout.size != len(body) - 1:
        raise _malformed(body[0])
    return kind(*layout.unpack(body[1:]))


def _decode_shown(body: bytes) -> Shown:
    """u32 step, u32 policy, cpus and mems as in `_bits`."""
    try:
        step_id, policy, size = struct.unpack_from("<III", body)
        (rest,) = struct.unpack_from("<I", body, 12 + size)
    except struct.error:
        raise _malformed(SHOWN) from None
    cpus, mems = body[12 : 12 + size], body[16 + size :]
    if len(mems) != rest:
        raise _malformed(SHOWN)
    return Shown(step_id, policy, IdSet(int.from_bytes(cpus, "little")), IdSet(int.from_bytes(mems, "little")))


_WORKED, _RANGE, _ENDED = struct.Struct("<QIIQQQQI"), struct.Struct("<II"), struct.Struct("<IIIBB")


def _decode_worked(body: bytes) -> Worked:
    try:
        job_id, started, running, first_us, last_us, cpu_us, max_rss, count = _WORKED.unpack_from(body)
        at = _WORKED.size + count * _RANGE.size
        (ended,) = struct.unpack_from("<I", body, at)
        if len(body) != at + 4 + ended * _ENDED.size:
            raise _malformed(WORKED)
        done = tuple(_RANGE.iter_unpack(body[_WORKED.size : at]))
        others = tuple(EndedTask(*fields) for fields in _ENDED.iter_unpack(body[at + 4 :]))
    except struct.error:
        raise _malformed(WORKED) from None
    return Worked(job_id, started, running, first_us, last_us, cpu_us, max_rss, done, others)


def _malformed(kind: int) -> RuntimeFailure:
    return RuntimeFailure(f"the container's supervisor sent a malformed frame of kind {kind}; remove the container")
