"""`exec` and `shell`: what goes in, what comes out, and the terminal afterwards."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator

import pytest

from hpcsched.cli import exec as exec_command
from hpcsched.cli.context import Context
from hpcsched.cli.main import invoke
from hpcsched.cli.step import first_interrupt_to, pump, window_changes_to
from hpcsched.model.container import StepExit
from hpcsched.testing.client import FakeClient, FakeSession

DEADLINE_S = 60.0


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.001)


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> int:
    """The writing end of what `exec` reads. The other stays open: its reader, a thread, may come after the test has ended."""
    read, write = os.pipe()
    monkeypatch.setattr(exec_command, "STDIN", read)
    return write


def run_exec(session: FakeSession, *args: str) -> tuple[int, FakeClient]:
    client = FakeClient(session=session)
    return invoke(["exec", *args], Context(connect=lambda address: client)), client  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        (StepExit(1, exit_code=0), 0, ""),
        (StepExit(1, exit_code=7), 7, ""),
        (StepExit(1, signal=9), 137, ""),
        (StepExit(1, failure="no command 'x' inside"), 1, "hpcsched: no command 'x' inside\n"),
        (StepExit(1, exit_code=127, failure="no command 'x' inside"), 127, "hpcsched: no command 'x' inside\n"),
    ],
)
def test_exec_exits_like_its_command(end: StepExit, code: int, said: str, stdin: int, capfd: pytest.CaptureFixture[str]) -> None:
    os.close(stdin)
    assert run_exec(FakeSession(exit=end), "12", "--", "x")[0] == code
    assert capfd.readouterr().err == said


def test_exec_keeps_the_two_outputs_apart_and_passes_the_command_on(
    stdin: int, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    os.close(stdin)
    session = FakeSession([("stdout", b"\x00out"), ("stderr", b"\xfferr")], StepExit(1, exit_code=0))
    code, client = run_exec(session, "-D", "/tmp", "--env", "A=1", "--node", "n2", "12", "--", "sh", "-c", "x", "--")
    assert code == 0
    printed = capfdbinary.readouterr()
    assert (printed.out, printed.err) == (b"\x00out", b"\xfferr")
    settings = {"workdir": "/tmp", "env": (("A", "1"),), "node": "n2"}
    assert client.calls[0] == ("exec_step", 12, ("sh", "-c", "x", "--"), settings)
    assert session.closed


def test_what_is_typed_reaches_the_step_and_its_end_too() -> None:
    read, write = os.pipe()
    os.write(write, b"\x00some\xff")
    os.close(write)

    class Waiting(FakeSession):
        def __iter__(self) -> Iterator[tuple[str, bytes]]:
            until(lambda: self.input_closed)
            yield from ()

    session = Waiting(exit=StepExit(1, exit_code=0))
    assert pump(session, read) == 0  # type: ignore[arg-type]
    assert b"".join(session.sent) == b"\x00some\xff"
    os.close(read)


def test_the_first_interrupt_goes_to_the_step_and_the_second_is_ours() -> None:
    session = FakeSession()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        _interrupt_twice(session)
    assert session.signals == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is before


def _interrupt_twice(session: FakeSession) -> None:
    with first_interrupt_to(session):  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGINT)
        until(lambda: session.signals)
        os.kill(os.getpid(), signal.SIGINT)
        until(lambda: False)


def test_a_new_window_size_is_told_to_the_step() -> None:
    session = FakeSession()
    with window_changes_to(session, lambda: (50, 132)):  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGWINCH)
        until(lambda: session.sizes == [(50, 132)])


def test_shell_without_a_terminal_says_what_to_use_instead(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        client = FakeClient()
        assert invoke(["shell", "12"], Context(connect=lambda address: client)) == 2  # type: ignore[arg-type,return-value]
    assert "hpcsched exec" in capsys.readouterr().err
    assert client.calls == []


SHELL = """
import os, signal, sys
from hpcsched.cli.context import Context
from hpcsched.cli.main import invoke
from hpcsched.model.container import StepExit
from hpcsched.testing.client import FakeClient, FakeSession

class Echo(FakeSession):
    def __iter__(self):
        yield "stdout", b"inside"
        while not self.sent: pass
        yield "stdout", b"".join(self.sent)
        %s
        self.exit = StepExit(1, exit_code=5)

client = FakeClient(session=Echo())
code = invoke(["shell", "--node", "n2", "12"], Context(connect=lambda address: client))
print(client.calls[0][3], flush=True)
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("then", "code"), [("", 5), ("raise OSError(5, 'gone')", 1), ("os.kill(os.getpid(), signal.SIGTERM)", 130)]
)
def test_shell_sends_every_key_inside_and_restores_the_terminal_however_it_ends(then: str, code: int) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (33, 99))
    before = termios.tcgetattr(theirs)
    child = subprocess.Popen(
        [sys.executable, "-c", SHELL % then], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    seen = _read_until(ours, b"inside")
    os.write(ours, b"\x03\x04")
    seen += _read_until(ours, b"}")
    assert child.wait(DEADLINE_S) == code
    assert b"\x03\x04" in seen
    assert b"'rows': 33, 'columns': 99, 'node': 'n2'" in seen
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


def _read_until(terminal: int, word: bytes) -> bytes:
    seen = b""
    deadline = time.monotonic() + DEADLINE_S
    while word not in seen:
        assert time.monotonic() < deadline, seen
        seen += os.read(terminal, 4096)
    return seen
