"""The frames between us and `hpcsched-init`; `init/frame.h` holds the layout."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hpcsched.errors import InvalidValue, RuntimeFailure
from hpcsched.model.container import StepSpec

PROTOCOL_VERSION = 1
MAX_FRAME = 16 << 20
MAX_REPLY = 256
"""Bytes; what comes from a container is not trusted to be short."""
SPAWN, SIGNAL, STATUS = 1, 2, 3
HELLO, SPAWNED, SPAWN_FAILED, EXITED, UNKNOWN = 16, 17, 18, 19, 20
ATTACHED, TTY, SCRIPT = 1, 2, 4
STAGE_SETUP, STAGE_WORKDIR, STAGE_EXEC = 1, 2, 3


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
    """`errno` as in errno(3); `stage` is one of the STAGE constants."""

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


Reply = Hello | Spawned | SpawnFailed | Exited | Unknown

_REPLIES: dict[int, tuple[type[Reply], struct.Struct]] = {
    HELLO: (Hello, struct.Struct("<II")),
    SPAWNED: (Spawned, struct.Struct("<II")),
    SPAWN_FAILED: (SpawnFailed, struct.Struct("<IIB")),
    EXITED: (Exited, struct.Struct("<IIQQQ")),
    UNKNOWN: (Unknown, struct.Struct("<I")),
}


def spawn(step: StepSpec, env: tuple[tuple[str, str], ...], attached: bool) -> bytes:
    """Raises InvalidValue for what execve(2) could not be given: nothing to run, a NUL, 16 MiB or more."""
    flags = (ATTACHED if attached else 0) | (TTY if step.tty else 0) | (SCRIPT if step.script else 0)
    argv = step.argv or (("script",) if step.script else ())
    if not argv:
        raise InvalidValue("no command to run: give a command or a script")
    head = struct.pack("<IBQII", step.step_id, flags, step.output_cap, len(argv), len(env))
    strings = (step.workdir or "/", *argv, *(f"{key}={value}" for key, value in env))
    return _frame(SPAWN, head + b"".join(map(_string, strings)) + step.script)


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
    kind, layout = _REPLIES.get(body[0], (None, None))
    if kind is None or layout is None or layout.size != len(body) - 1:
        raise RuntimeFailure(f"the container's supervisor sent a malformed frame of kind {body[0]}; remove the container")
    return kind(*layout.unpack(body[1:]))
