"""One step inside a job's container, joined to our own stdin, stdout and stderr."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from hpcsched.errors import InvalidValue
from hpcsched.model.container import StepExit

if TYPE_CHECKING:
    from hpcsched.client.exec import ExecSession

_CHUNK = 32 << 10


def command_words(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The command without a `--` before it. Raises InvalidValue when nothing is left."""
    words = argv[1:] if argv[0] == "--" else argv
    if not words:
        raise InvalidValue("no command after `--`")
    return words


def pump(session: ExecSession, stdin: int) -> int:
    """Copy both ways until the step has ended; returns the exit code. Leaves the session closed."""
    threading.Thread(target=_feed, args=(session, stdin), daemon=True).start()
    try:
        for kind, data in session:
            stream = sys.stderr.buffer if kind == "stderr" else sys.stdout.buffer
            stream.write(data)
            stream.flush()
    finally:
        session.close()
    return _exit_code(session.exit)


def _feed(session: ExecSession, stdin: int) -> None:
    """Ends with stdin, or with the process: a read of a terminal cannot be called off."""
    try:
        while data := os.read(stdin, _CHUNK):
            session.send(data)
    except OSError:
        pass
    session.close_stdin()


def _exit_code(ended: StepExit | None) -> int:
    if ended is None:
        return 1
    if ended.failure:
        click.echo(f"hpcsched: {ended.failure}", err=True)
        return ended.exit_code or 1
    return ended.exit_code if ended.exit_code is not None else 128 + (ended.signal or 0)


@contextmanager
def first_interrupt_to(session: ExecSession) -> Iterator[None]:
    """Inside, the first Ctrl-C goes to the step, the second is ours."""

    def forward(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _apart(lambda: session.signal(signal.SIGINT))

    with _handling(signal.SIGINT, forward):
        yield


@contextmanager
def window_changes_to(session: ExecSession, size: Callable[[], tuple[int, int]]) -> Iterator[None]:
    """Inside, a new size of our terminal (rows, columns) is told to the step."""
    with _handling(signal.SIGWINCH, lambda _number, _frame: _apart(lambda: session.resize(*size()))):
        yield


@contextmanager
def _handling(number: signal.Signals, handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def _apart(call: Callable[[], object]) -> None:
    """In a thread of its own, where the locks of the interrupted code do no harm."""
    threading.Thread(target=call, daemon=True).start()
