"""The command line as a person uses it: on a terminal, and with Ctrl-C."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hpcsched.client import JobSpec
from hpcsched.model.job import JobState
from tests.integration.daemons import DEADLINE_S, eventually
from tests.system.conftest import COMMAND, Up

pytestmark = pytest.mark.system


class Terminal:
    """A child on a terminal of its own; `seen` is all that it has shown."""

    def __init__(self, up: Up, *arguments: str) -> None:
        self.ours, self.theirs = pty.openpty()
        termios.tcsetwinsize(self.theirs, (33, 101))
        self.seen = b""
        os.set_blocking(self.ours, False)
        self.child = subprocess.Popen(
            [*COMMAND, "--address", up.address, *arguments],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            start_new_session=True,
        )

    def shows(self, pattern: bytes) -> re.Match[bytes]:
        """Waits until what it has shown matches."""
        try:
            eventually(lambda: self._read() and re.search(pattern, self.seen) is not None, f"{pattern!r}")
        except AssertionError as late:
            raise AssertionError(f"{late} on a terminal that shows {self.seen!r}") from None
        found = re.search(pattern, self.seen)
        assert found is not None
        return found

    def types(self, keys: bytes) -> None:
        os.write(self.ours, keys)

    def _read(self) -> bool:
        try:
            self.seen += os.read(self.ours, 65536)
        except BlockingIOError:
            pass
        return True


@contextmanager
def on_terminal(up: Up, *arguments: str) -> Iterator[Terminal]:
    terminal = Terminal(up, *arguments)
    try:
        yield terminal
    finally:
        terminal.child.kill()
        terminal.child.wait()
        os.close(terminal.ours)
        os.close(terminal.theirs)


@contextmanager
def sleeping_job(up: Up) -> Iterator[int]:
    with up.client() as client:
        job_id = client.submit(JobSpec(command=("sleep", "1000"), grace_s=0))
        try:
            eventually(lambda: client.job(job_id).state is JobState.RUNNING, "it runs")
            yield job_id
        finally:
            client.cancel(job_id)
            client.wait(job_id, DEADLINE_S)


def runs(command: str) -> bool:
    return subprocess.run(["pgrep", "-fx", command], capture_output=True).returncode == 0


def test_a_shell_takes_every_key_and_gives_the_terminal_back_as_it_was(up: Up) -> None:
    with sleeping_job(up) as job_id, on_terminal(up, "shell", str(job_id), "sh") as terminal:
        before = termios.tcgetattr(terminal.theirs)
        terminal.types(b"stty size; sleep 1001\r")  # typed ahead
        terminal.shows(rb"33 101\r\n")
        eventually(lambda: runs("sleep 1001"), "the command in the shell runs")
        terminal.types(b"\x03")
        terminal.types(b"echo code=$?; tty; exit 5\r")
        terminal.shows(rb"code=130\r\n/dev/pts/\d+\r\n")
        assert terminal.child.wait(DEADLINE_S) == 5
        assert termios.tcgetattr(terminal.theirs) == before


def test_a_larger_window_is_a_larger_window_inside(up: Up) -> None:
    with sleeping_job(up) as job_id, on_terminal(up, "shell", str(job_id), "sh") as terminal:
        terminal.shows(rb"# $")
        terminal.types(b"echo re''ady; until stty size | grep '^44 55$'; do sleep 0.01; done; exit 6\r")
        terminal.shows(rb"ready")
        termios.tcsetwinsize(terminal.theirs, (44, 55))
        terminal.child.send_signal(signal.SIGWINCH)
        terminal.shows(rb"\r\n44 55\r\n")
        assert terminal.child.wait(DEADLINE_S) == 6


def test_a_shell_that_is_killed_gives_the_terminal_back_and_ends_inside(up: Up) -> None:
    with sleeping_job(up) as job_id, on_terminal(up, "shell", str(job_id), "sh") as terminal:
        before = termios.tcgetattr(terminal.theirs)
        terminal.shows(rb"# $")
        terminal.types(b"exec sleep 4242\r")
        terminal.shows(rb"exec sleep 4242\r\n")
        terminal.child.send_signal(signal.SIGTERM)
        assert terminal.child.wait(DEADLINE_S) == 130
        assert termios.tcgetattr(terminal.theirs) == before
        gone = ["exec", str(job_id), "--", "sh", "-c", "grep -aq ^sleep.4242 /proc/[0-9]*/cmdline"]
        eventually(lambda: up.cli(*gone, code=None).returncode != 0, "the step inside is gone", every_s=0.1)


def test_ctrl_c_cancels_the_job_and_says_so(up: Up) -> None:
    with on_terminal(
        up, "run", "--grace", "5", "--", "sh", "-c", "trap 'echo bye; exit 0' TERM; echo begun; sleep 1000 & wait"
    ) as terminal:
        terminal.shows(rb"begun")
        terminal.child.send_signal(signal.SIGINT)
        terminal.shows(rb"bye")
        job_id = int(terminal.shows(rb"job (\d+) CANCELLED")[1])
        assert terminal.child.wait(DEADLINE_S) == 130
    with up.client() as client:
        assert client.job(job_id).state is JobState.CANCELLED


def test_a_job_that_waits_says_why_until_it_runs(up: Up) -> None:
    with sleeping_job(up) as job_id, on_terminal(up, "run", "--", "echo", "my", "turn") as terminal:
        terminal.shows(rb"job \d+ waits: .*waits for a free node")
        up.cli("cancel", str(job_id))
        terminal.shows(rb"\r\x1b\[Kmy turn\r\n")
        assert terminal.child.wait(DEADLINE_S) == 0


def test_the_first_interrupt_of_exec_ends_the_step_inside(up: Up) -> None:
    with sleeping_job(up) as job_id, on_terminal(up, "exec", str(job_id), "--", "sh", "-c", "echo begun; sleep 1000") as terminal:
        terminal.shows(rb"begun")
        terminal.child.send_signal(signal.SIGINT)
        assert terminal.child.wait(DEADLINE_S) == 130
