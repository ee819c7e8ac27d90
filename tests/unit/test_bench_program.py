"""Running what is measured: its answer, its deadline, its bad ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpcsched.bench.program import answer, run
from hpcsched.errors import HpcschedError, WrongResult
from tests.integration.daemons import eventually, runs


def test_the_last_line_is_the_answer() -> None:
    assert answer(["sh", "-c", "echo noise; echo '{\"a\": 1}'"]) == {"a": 1}


@pytest.mark.parametrize("text", ["", "[1]", "no json"])
def test_an_answer_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(HpcschedError, match="printed no result"):
        answer(["echo", text])


def test_a_kernel_that_finds_its_own_result_wrong_has_no_speed() -> None:
    with pytest.raises(WrongResult, match="3 bytes differ: this run has no speed"):
        run(["sh", "-c", "echo 3 bytes differ >&2; exit 3"])


@pytest.mark.parametrize(("script", "word"), [("exit 5", "exit code 5"), ("kill -SEGV $$", "by signal 11")])
def test_another_bad_end_is_named(script: str, word: str) -> None:
    with pytest.raises(HpcschedError, match=word):
        run(["sh", "-c", script])


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(HpcschedError, match="cannot run /no/such"):
        run(["/no/such/program"])


def test_whatever_a_slow_program_started_ends_with_the_deadline(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    with pytest.raises(HpcschedError, match="did not end within 3 s"):
        run(["sh", "-c", f"sleep 600 & echo $! > {noted}; wait"], limit_s=3)
    child = int(noted.read_text())
    eventually(lambda: not runs(child), "its child is dead")
