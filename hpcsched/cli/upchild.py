"""`hpcsched up` as a child process, for a demonstration."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from hpcsched.errors import HpcschedError

START_S, STOP_S = 30.0, 60.0


@contextlib.contextmanager
def up(state: Path) -> Iterator[str]:
    """The address of a controller with one agent. Leaving stops them as Ctrl-C does.

    Raises HpcschedError with its last words when it does not start, or does not stop in order.
    """
    with (state / "up.log").open("wb") as log:
        command = [sys.executable, "-m", "hpcsched.cli.main", "up", "--state", str(state)]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
    try:
        yield _address(child, state)
    finally:
        _stop(child, state)


def _address(child: subprocess.Popen[bytes], state: Path) -> str:
    """From its line `ready at ADDRESS`."""
    assert child.stdout is not None
    line = _line_within(child.stdout.fileno(), START_S)
    word, _, address = line.partition("ready at ")
    if word or not address:
        raise HpcschedError(f"`hpcsched up` did not start: {_last_words(state)}")
    return address.strip()


def _line_within(descriptor: int, seconds: float) -> str:
    deadline, read = time.monotonic() + seconds, b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while b"\n" not in read and selector.select(deadline - time.monotonic()):
            chunk = os.read(descriptor, 4096)
            if not chunk:
                break
            read += chunk
    return read.split(b"\n")[0].decode()


def _stop(child: subprocess.Popen[bytes], state: Path) -> None:
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
    try:
        code = child.wait(STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        raise HpcschedError(f"`hpcsched up` did not stop within {STOP_S:g} s: {_last_words(state)}") from None
    finally:
        if child.stdout:
            child.stdout.close()
    if code:
        raise HpcschedError(f"`hpcsched up` ended with exit code {code}: {_last_words(state)}")


def _last_words(state: Path) -> str:
    lines = (state / "up.log").read_text(errors="replace").split("\n")
    return next((line.strip().removeprefix("hpcsched: ") for line in reversed(lines) if line.strip()), "it said nothing")
