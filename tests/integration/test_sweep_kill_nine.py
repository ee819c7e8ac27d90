"""A sweep that is killed, over and over, keeps what is finished, and ends with the table of one that was left alone."""

from __future__ import annotations

import csv
import random
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

from hpcsched.bench.result import Result
from hpcsched.bench.sweep_folder import TABLE
from tests.integration import sweeper
from tests.integration.daemons import DEADLINE_S

MOST_STARTS = 60


def killed_after(folder: Path, lines: int) -> tuple[list[str], bool]:
    """What it said before it was killed, and whether it came to its end instead."""
    command = [sys.executable, str(sweeper.__file__), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = list(islice(process.stdout, lines))
        process.kill()
        said += process.stdout.readlines()
        return said, process.wait(DEADLINE_S) == 0


def finished(folder: Path) -> dict[str, bytes]:
    """All files of finished combinations; each must be whole."""
    found = {file.name: file.read_bytes() for file in folder.glob("0*.json")}
    assert all(len(Result.from_json(body).samples) == 21 for body in found.values())
    return found


def test_a_sweep_killed_at_any_moment_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    chance, said, done, kills = random.Random(3), Counter[str](), False, 0
    kept: dict[str, bytes] = {}
    while not done:
        lines, done = killed_after(tmp_path / "out", chance.randrange(1, 50))
        said.update(line.strip() for line in lines if line.startswith("begin"))
        now = finished(tmp_path / "out")
        assert kept.items() <= now.items()
        kept, kills = now, kills + (not done)
        assert kills < MOST_STARTS
    assert kills > 2
    assert len(said) == len(sweeper.SWEEP.cases) == len(kept)
    assert sum(said.values()) <= len(sweeper.SWEEP.cases) + kills
    sweeper.sweep(tmp_path / "alone")
    table, alone = ((tmp_path / name / TABLE).read_text() for name in ("out", "alone"))
    assert table == alone
    assert len(list(csv.reader(table.splitlines()))) == 1 + 3 * len(sweeper.SWEEP.cases)
