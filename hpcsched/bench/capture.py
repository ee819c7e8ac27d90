"""Runs a program that nobody here knows: to its end, in a session of its own, with the end of what it prints kept."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Thread
from typing import IO

from hpcsched.errors import WrongResult

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


def capture(program: str, words: Sequence[str], folder: str, limit_s: float) -> Captured:
    """`words` are what the program sees as its arguments, its name first. Raises WrongResult: no start, or no end in time."""
    begun = time.monotonic()
    process = _start(program, words, folder)
    assert process.stdout is not None
    assert process.stderr is not None
    tails = _Tail(process.stdout), _Tail(process.stderr)
    try:
        code = process.wait(limit_s)
        seconds = time.monotonic() - begun
    except subprocess.TimeoutExpired:
        raise WrongResult(f"{words[0]} did not end within {limit_s:g} s: give it more with --time, or less to do") from None
    finally:
        _kill(process)
    out, err = (tail.text() for tail in tails)
    return Captured(code, seconds, out, err)


def _start(program: str, words: Sequence[str], folder: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            words,
            executable=program,
            cwd=folder,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise WrongResult(f"cannot run {program} in {folder}: {error.strerror}") from None


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
