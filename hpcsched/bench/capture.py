"""Runs a program to its end, in a session of its own, with the end of what it prints kept."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import IO

KEPT = 16 << 20
"""Bytes of each stream; what comes before them is dropped."""
CHUNK = 1 << 16
CLOSING_S = 5.0
"""How long to wait for the end of a stream that something outside the session may hold open."""


@dataclass(frozen=True, slots=True)
class Captured:
    """`code` as Popen has it, negative for a signal; `seconds` from start to exit, monotonic."""

    code: int
    seconds: float
    out: str
    err: str


def capture(
    words: Sequence[str], limit_s: float, folder: str | None = None, program: str = "", env: Mapping[str, str] | None = None
) -> Captured:
    """`words` are what the program sees as its arguments, its name first; `program`: where it is, if not by that name. `env` is
    added to ours. It and all that it started end with the limit. Raises OSError: no start, TimeoutExpired: no end in time.
    """
    begun = time.monotonic()
    process = _start(words, folder, program, env or {})
    assert process.stdout is not None
    assert process.stderr is not None
    tails = _Tail(process.stdout), _Tail(process.stderr)
    try:
        code = _wait(process, limit_s)
        seconds = time.monotonic() - begun
    finally:
        _kill(process)
    out, err = (tail.text() for tail in tails)
    return Captured(code, seconds, out, err)


def _start(words: Sequence[str], folder: str | None, program: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        words,
        executable=program or None,
        env={**os.environ, **env},
        cwd=folder,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _wait(process: subprocess.Popen[bytes], limit_s: float) -> int:
    """Until the very moment of its end: with a limit, Popen.wait looks every 50 ms."""
    end = os.pidfd_open(process.pid)
    try:
        select.select([end], [], [], limit_s)
    finally:
        os.close(end)
    return process.wait(0)


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


class _Tail:
    """Reads a stream as it comes, so that its writer never waits, and keeps its end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept: deque[bytes] = deque(maxlen=KEPT // CHUNK)
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._stream:
            while chunk := os.read(self._stream.fileno(), CHUNK):
                self._keep(chunk)

    def _keep(self, chunk: bytes) -> None:
        if self._kept and len(self._kept[-1]) + len(chunk) <= CHUNK:
            self._kept[-1] += chunk
        else:
            self._kept.append(chunk)

    def text(self) -> str:
        self._thread.join(CLOSING_S)
        return b"".join(list(self._kept)).decode(errors="replace")
