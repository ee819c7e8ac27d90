"""`bench run` for one's own program and over sweeps: what it prints, and which calls are wrong."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hpcsched.bench.result import Result
from hpcsched.bench.sweep_table import COLUMNS
from hpcsched.cli.bench_sweep import planned
from hpcsched.cli.bench_sweep_options import SWEEP_OPTIONS, take_asked
from hpcsched.cli.context import Context
from hpcsched.cli.main import invoke
from hpcsched.model.job import Job, ResourceRequest
from hpcsched.testing.jobs import FakeJobs, Model


def call(*args: str, jobs: FakeJobs | None = None) -> int:
    @contextmanager
    def connect(address: str) -> Iterator[FakeJobs]:
        yield jobs or FakeJobs()

    return invoke(("bench", "run", "--pairs", "6", *args), Context(connect=connect))  # type: ignore[arg-type]


def plain(out: str) -> list[list[str]]:
    return list(csv.reader(out.splitlines(), delimiter="\t"))


def test_a_sweep_prints_its_tidy_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("dgemm", "--sweep", "threads=1,2", "--output", "plain") == 0
    printed = capsys.readouterr()
    rows = plain(printed.out)
    assert [(row[0], row[2], row[5]) for row in rows] == [
        (threads, "gflops", arm) for threads in "12" for arm in ("bare", "container", "control")
    ]
    assert {len(row) for row in rows} == {1 + len(COLUMNS)}
    assert [line.split(",")[0] for line in printed.err.splitlines()] == ["0 of 2 done", "1 of 2 done"]


def test_people_get_a_table_without_empty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("dgemm", "--sweep", "threads=1,2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(lines[0].split()) == "threads BENCHMARK METRIC UNIT ARM N MEAN MEDIAN [95%] TO BARE METAL [95%] VERDICT"
    assert len(lines) == 7
    assert call("dgemm", "--no-compare") == 0
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(lines[0].split()) == "BENCHMARK METRIC UNIT ARM N MEAN MEDIAN [95%]"
    assert len(lines) == 2


def test_json_has_the_parameters_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("dgemm", "--sweep", "env:A=x,y", "--sweep", "size=quick", "--output", "json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["parameters"] for row in rows[::3]] == [{"env:A": value, "size": "quick"} for value in "xy"]
    assert rows[0]["ratio"] is None
    assert rows[1]["arm"] == "container"
    assert rows[1]["ratio_low"] <= rows[1]["ratio"] <= rows[1]["ratio_high"]


def test_the_same_call_with_the_same_folder_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupting(FakeJobs):
        def wait(self, job_id: int, timeout_s: float | None = None) -> Job:
            if job_id == 30:
                raise KeyboardInterrupt
            return FakeJobs.wait(self, job_id, timeout_s)

    args = ("dgemm", "--sweep", "threads=1,2", "--out", str(tmp_path / "out"), "--output", "plain")
    assert call(*args, jobs=Interrupting()) == 130
    printed = capsys.readouterr()
    assert printed.err.endswith("hpcsched: stopped after 1 of 2 combinations; the same call goes on from here\n")
    first = plain(printed.out)
    assert call(*args) == 0
    rows = plain(capsys.readouterr().out)
    assert len(rows) == 6
    assert all(row in rows for row in first)
    assert call(*args, "--size", "normal") == 2
    assert 'size was "quick" and this call says "normal"' in capsys.readouterr().err


def test_a_failed_combination_makes_exit_code_one_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = FakeJobs(fails=lambda order, spec: "no cores" if spec.resources.cores_per_node == 2 else "")
    assert call("dgemm", "--sweep", "threads=1,2", jobs=jobs) == 1
    printed = capsys.readouterr()
    assert "1 of 2 combinations failed" in printed.err
    assert "no cores" in printed.out


def test_samples_that_all_fail_without_being_given_up_fail_the_combination(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = FakeJobs(fails=lambda order, spec: "not there" if spec.runtime == "lxc" else "")
    assert call("dgemm", "--pairs", "1", "--sweep", "threads=1", jobs=jobs) == 1
    printed = capsys.readouterr()
    assert "1 of 3 samples failed" in printed.out
    assert "not there" in printed.out
    assert call("dgemm", "--pairs", "1", "--no-compare", jobs=jobs) == 1
    assert "1 of 1 sample failed, the first with: job" in capsys.readouterr().out


def test_a_program_of_ones_own_is_reported_as_a_benchmark_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "own.json"
    options = ("--metric", r"rate=Rate: ([0-9.]+)", "--metric", r"time=took ([0-9.]+)", "--unit", "rate=GB/s", "--margin", "2%")
    jobs = FakeJobs(Model(container=0.9))
    assert call("--command", "./app 'in put.dat'", *options, "--lower-is-better", "time", "--json", str(file), jobs=jobs) == 0
    result = Result.read(file)
    assert [(one.name, one.unit, one.higher_is_better) for one in result.benchmarks[0].metrics] == [
        ("rate", "GB/s", True),
        ("time", "", False),
    ]
    assert (result.benchmarks[0].name, result.benchmarks[0].margin) == ("app", 0.02)
    assert "./app 'in put.dat'" in result.benchmarks[0].stresses
    assert "rate" in capsys.readouterr().out
    asked: dict[str, Any] = json.loads(jobs.specs[0].command[4])
    assert (asked["words"], asked["workdir"]) == (["./app", "in put.dat"], str(Path.cwd()))


def test_in_an_image_a_program_starts_at_its_root_unless_a_folder_is_named(tmp_path: Path) -> None:
    for options, workdir in ((), "/"), (("--workdir", "/opt/app"), "/opt/app"):
        file = tmp_path / "own.json"
        assert call("--image", "rocky9", "--command", "./app", "--pairs", "1", "--json", str(file), *options) == 0
        found = Result.read(file)
        command = found.command["app"]
        assert (found.image, json.loads(command[command.index("--own") + 1])["workdir"]) == ("rocky9", workdir)


def test_an_image_is_swept_like_any_parameter() -> None:
    jobs = FakeJobs()
    assert call("dgemm", "--pairs", "1", "--sweep", "image=host,rocky9", jobs=jobs) == 0
    assert {spec.image for spec in jobs.specs if "--settings" in spec.command} == {"host", "rocky9"}


def test_lower_is_better_without_a_name_holds_of_all(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    assert call("--lower-is-better", "--command", "x", "--metric", "a=y([0-9])", "--metric", "([0-9])s", "--json", str(file)) == 0
    assert [one.higher_is_better for one in Result.read(file).benchmarks[0].metrics] == [False, False]


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["stream", "--metric", "([0-9])"], "--metric is for a program of your own"),
        (["stream", "--workdir", "/"], "--workdir is for a program of your own"),
        (["stream", "--margin", "1%"], "--margin is for a program of your own"),
        (["stream", "--command", "x"], "not both"),
        (["--command", "x 'y"], "bad --command"),
        (["--command", ""], "the command is empty"),
        (["--command", "x", "--metric", "[0-9]"], "no group"),
        (["--command", "x", "--margin", "99%"], "bad share"),
        (["--command", "x", "--unit", "a=s"], "no metric 'a'"),
        (["--command", "x", "--sweep", "arg:n=1,2"], "needs {n} in --command"),
        (["--command", "x", "--sweep", "size=quick"], "sweep over an argument"),
        (["stream", "--sweep", "size=huge"], "no size 'huge'"),
        (["stream", "--sweep", "thread=1,2"], "nothing called 'thread' to sweep over; there are: threads, size"),
        (["stream", "--sweep", "ntasks_per_node=1,2"], "nothing called"),
        (["stream", "--sweep", "threads=0,2"], "threads"),
        (["stream", "--sweep", "threads=two"], "threads"),
        (["stream", "--sweep", "mem_per_node=lots"], "mem_per_node=lots"),
        (["stream", "--sweep", "threads=1,2", "--cores-per-node", "2"], "leave out cores_per_node"),
        (["stream", "--sweep", "threads=1,2", "--sweep", "cores_per_node=1"], "leave out cores_per_node"),
        (["stream", "--sweep", "env:OMP_NUM_THREADS=1,2"], "set OMP_NUM_THREADS themselves"),
        (["stream", "--env", "OMP_NUM_THREADS=1"], "set OMP_NUM_THREADS themselves"),
        (["stream", "--sweep", "threads=1,2", "--json", "x.json"], "name a folder with --out, no files"),
        (["stream", "--sweep", "threads=1,2", "--certify"], "no --certify"),
        (["linpack", "--sweep", "threads=1"], "no benchmark 'linpack'"),
        (["stream", "--ntasks-per-node", "2", "--sweep", "threads=1"], "No such option '--ntasks-per-node'"),
    ],
)
def test_a_wrong_call_is_refused_in_one_line_before_anything_runs(
    args: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = FakeJobs()
    assert call(*args, jobs=jobs) in (1, 2)
    said = capsys.readouterr().err
    assert why in said
    assert len(said.splitlines()) == 1
    assert jobs.specs == []


def test_pairs_may_depend_on_the_size() -> None:
    asked = take_asked({option.name: () for option in SWEEP_OPTIONS} | {"sweeps": ("size=quick,normal",), "program": None})
    sweep = planned(asked, ("dgemm",), ResourceRequest(), 1, pairs={"quick": 15, "normal": 100}, size="quick")
    assert [(case.size, case.pairs) for case in sweep.cases] == [("quick", 15), ("normal", 100)]


@pytest.mark.parametrize(
    ("axis", "field", "values"),
    [
        ("cores_per_node=1,2", "cores_per_node", {1, 2}),
        ("cores-per-node=1,2", "cores_per_node", {1, 2}),
        ("mem_per_node=1G,512M", "mem_per_node", {1 << 30, 512 << 20}),
        (r"numa=pack,0\,1", "numa", {"pack", "0,1"}),
        ("hugepages=2M:8,2M:16", "hugepages", {((2 << 20, 8),), ((2 << 20, 16),)}),
        ("tuning=none,hpc", "tuning", {"none", "hpc"}),
    ],
)
def test_every_option_of_resources_can_be_swept(axis: str, field: str, values: set[Any]) -> None:
    jobs = FakeJobs()
    assert call("dgemm", "--sweep", axis, jobs=jobs) == 0
    assert {getattr(spec.resources, field) for spec in jobs.specs} == values
