"""One `hpcsched up` for the tests that only use it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hpcsched.client import Client
from tests.integration.daemons import DEADLINE_S, eventually
from tests.supervisor import compiled_for

COMMAND = [sys.executable, "-m", "hpcsched.cli.main"]


class Up:
    """A running `hpcsched up` whose state is in `folder`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        for number in (1, 2):
            compiled_for(folder / f"agent{number}")
        self.address = f"unix://{folder}/hpcsched.sock"
        with (folder / "up.log").open("wb") as log:
            self.process = subprocess.Popen([*COMMAND, "up", "--state", str(folder), *options], stdout=log, stderr=log)
        try:
            eventually(lambda: "ready" in self.log() or self.process.poll() is not None, "`hpcsched up` is ready")
            assert self.process.poll() is None, self.log()
        except BaseException:
            self.end()
            raise

    def log(self) -> str:
        return (self.folder / "up.log").read_text(errors="replace")

    def cli(self, *arguments: str, code: int | None = 0, **options: object) -> subprocess.CompletedProcess[bytes]:
        """The command line; fails when it exits with anything but `code` (None: any)."""
        command = [*COMMAND, "--address", self.address, *arguments]
        done = subprocess.run(command, **{"capture_output": True, "timeout": DEADLINE_S, **options})
        assert code is None or done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        return done

    def client(self) -> Client:
        return Client(self.address, timeout_s=DEADLINE_S)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(DEADLINE_S)

    def end(self) -> None:
        """Whatever became of it."""
        if self.process.poll() is None:
            self.stop()


@contextmanager
def up_in(folder: Path, *options: str) -> Iterator[Up]:
    """Ended when the test is, whatever became of it."""
    running = Up(folder, *options)
    try:
        yield running
    finally:
        running.end()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("up"))
    yield running
    assert running.stop() == 0, running.log()
