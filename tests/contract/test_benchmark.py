"""What every benchmark in the folder must do: check its own result, name each metric, run as one file with settings made once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hpcsched.bench.about import Size
from hpcsched.bench.prepared import Prepared
from hpcsched.bench.suite import Entry, find

ENTRIES = {entry.about.name: entry for entry in find()}
CASES = {name: json.loads((Path(__file__).parent / "benchmarks" / f"{name}.json").read_text()) for name in ENTRIES}
"""A file for each: `small`, settings smaller than any size class, which is what a test has time for; `broken`, a mistake in one
element (file, right line, wrong line); `threads`: whether it runs one thread on each core that it is bound to.
"""

each_benchmark = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES.keys())


def call(file: Path, *arguments: str, cpus: set[int] | None = None) -> subprocess.CompletedProcess[str]:
    mask = cpus or os.sched_getaffinity(0)
    return subprocess.run(
        [sys.executable, str(file), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        preexec_fn=lambda: os.sched_setaffinity(0, mask),
    )


def small(file: Path, cache: Path) -> dict[str, Any]:
    """What it prepared, with little work; skips where this machine has nothing for it."""
    done = call(file, "--prepare", "--size", "quick", "--cache", str(cache))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    if found["absent"]:
        pytest.skip(found["absent"])
    return {**found, "settings": {**found["settings"], **CASES[file.stem]["small"]}}


def small_settings(file: Path, cache: Path) -> str:
    return json.dumps(small(file, cache))


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@each_benchmark
def test_it_verifies_its_result_and_prints_each_metric(entry: Entry, tmp_path: Path) -> None:
    prepared = small(entry.file, tmp_path / "cache")
    found = answer(call(entry.file, "--json", "--settings", json.dumps(prepared)))
    assert found["benchmark"] == entry.about.name
    assert found["verified"] is True
    named = Prepared.from_json(json.dumps(prepared)).metrics or entry.about.metrics
    assert {name: (metric["unit"], metric["higher_is_better"]) for name, metric in found["metrics"].items()} == {
        metric.name: (metric.unit, metric.higher_is_better) for metric in named
    }
    assert set(prepared["limits"]) <= set(found["metrics"])
    assert all(metric["value"] > 0 for metric in found["metrics"].values())
    assert found["environment"]["cpus"]


@each_benchmark
def test_it_uses_one_thread_for_each_core_it_is_bound_to(entry: Entry, tmp_path: Path) -> None:
    if not CASES[entry.about.name]["threads"]:
        pytest.skip("it is one thread by its nature")
    one = {min(os.sched_getaffinity(0))}
    found = answer(call(entry.file, "--json", "--settings", small_settings(entry.file, tmp_path / "cache"), cpus=one))
    assert found["config"]["threads"] == 1


@each_benchmark
def test_settings_made_once_give_the_same_work_every_time(entry: Entry, tmp_path: Path) -> None:
    settings = small_settings(entry.file, tmp_path / "cache")
    configs = [answer(call(entry.file, "--json", "--settings", settings))["config"] for _ in range(2)]
    assert configs[0] == configs[1]


@each_benchmark
def test_a_wrong_result_has_no_speed(entry: Entry, tmp_path: Path) -> None:
    place, right, wrong = CASES[entry.about.name]["broken"]
    folder = shutil.copytree(entry.file.parent, tmp_path / "benchmarks")
    text = (folder / place).read_text()
    assert text.count(right) == 1
    (folder / place).write_text(text.replace(right, wrong))
    file = folder / entry.file.name
    done = call(file, "--json", "--settings", small_settings(file, tmp_path / "cache"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert "this run has no speed" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@each_benchmark
def test_it_names_a_margin_a_source_and_a_limit_for_each_size(entry: Entry) -> None:
    about = entry.about
    assert 0 < about.margin < 0.1
    assert about.source
    assert about.stresses
    assert all(about.time_limit_s(size) > 0 for size in Size)


@each_benchmark
def test_settings_that_are_no_json_are_refused_in_one_line(entry: Entry) -> None:
    done = call(entry.file, "--json", "--settings", "{")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
