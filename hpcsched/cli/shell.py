"""`hpcsched shell`."""

from __future__ import annotations

import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

import click

from hpcsched.cli.context import Context
from hpcsched.cli.job_id import job_argument, node_option
from hpcsched.cli.step import command_words, pump, window_changes_to
from hpcsched.errors import InvalidValue

LOGIN_SHELL = ("/bin/sh", "-c", "command -v bash >/dev/null && exec bash -l; exec sh -l")
_GOING = (signal.SIGTERM, signal.SIGHUP)


def _window() -> tuple[int, int]:
    size = os.get_terminal_size(sys.stdin.fileno())
    return size.lines, size.columns


@contextmanager
def _raw(terminal: int) -> Iterator[None]:
    """Keys go inside as they are, those typed ahead too; afterwards the terminal is as before, also when we are told to end."""
    before = termios.tcgetattr(terminal)
    handlers = {number: signal.signal(number, signal.default_int_handler) for number in _GOING}
    tty.setraw(terminal, termios.TCSADRAIN)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


@click.command(epilog="Example: hpcsched shell 12", context_settings={"allow_interspersed_args": False})
@node_option("One of the job's nodes [default: its first].")
@job_argument
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND]...")
@click.pass_obj
def command(context: Context, node: str, job_id: int, argv: tuple[str, ...]) -> int:
    """Open a terminal inside a running job's container: a login shell, or the command; exits with its code.

    All keys, Ctrl-C too, go inside.
    """
    words = command_words(argv) if argv else LOGIN_SHELL
    if not sys.stdin.isatty():
        raise InvalidValue("shell needs a terminal on stdin; without one use: hpcsched exec ID -- COMMAND")
    rows, columns = _window()
    env = (("TERM", os.environ.get("TERM") or "dumb"),)
    with context.client() as client:
        session = client.exec_step(job_id, words, env=env, tty=True, rows=rows, columns=columns, node=node)
        with window_changes_to(session, _window), _raw(sys.stdin.fileno()):
            return pump(session, sys.stdin.fileno())
