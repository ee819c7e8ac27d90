"""Two runs against each other: what is said of them, and what is not."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hpcsched.bench.contrast import OVERHEAD, SERIES, Contrast, Row, contrast
from hpcsched.bench.contrast_report import apart, render, rows
from hpcsched.bench.handicap import busy
from hpcsched.bench.result import Result
from hpcsched.bench.runner import run
from hpcsched.bench.verdict import Verdict
from hpcsched.cli.main import invoke
from hpcsched.model.job import JobSpec
from hpcsched.testing.jobs import FakeJobs, Model


def measured(seed: int = 1, pairs: int = 10, environment: str = "6.1", size: str = "quick", **model: float) -> Result:
    def edit(spec: JobSpec, answer: dict[str, Any]) -> dict[str, Any]:
        known = answer.get("environment", {})
        return {**answer, "environment": {**known, "kernel": environment}} if "metrics" in answer else answer

    jobs = FakeJobs(Model(**model), seed=seed, edit=edit)
    return run(jobs, ("dgemm",), size, pairs, seed=seed, clock=jobs.clock, precision=-1)


def by_arm(found: Contrast) -> dict[str, Row]:
    return {row.arm: row for row in found.rows}


def test_a_faster_node_is_different_and_its_container_costs_the_same() -> None:
    found = by_arm(contrast(measured(1), measured(2, level=105.0)))
    assert found["bare"].verdict is Verdict.DIFFERENT
    assert found["container"].verdict is Verdict.DIFFERENT
    assert found["bare"].ratio.estimate == pytest.approx(1.05, abs=0.002)
    assert found[OVERHEAD].verdict is Verdict.EQUIVALENT


def test_a_costlier_container_shows_in_it_and_not_in_bare_metal() -> None:
    found = by_arm(contrast(measured(1), measured(2, container=0.95)))
    assert found["bare"].verdict is Verdict.EQUIVALENT
    assert found["container"].verdict is Verdict.DIFFERENT
    assert found[OVERHEAD].ratio.estimate == pytest.approx(0.95, abs=0.002)


def test_a_run_against_itself_is_equal_in_everything() -> None:
    result = measured()
    found = contrast(result, result)
    assert {row.ratio.estimate for row in found.rows} == {1.0}
    assert found.differences == ()


def test_both_bare_arms_count_for_bare_metal() -> None:
    found = by_arm(contrast(measured(pairs=9), measured(2, pairs=7)))
    assert set(found) == set(SERIES)
    assert found["bare"].samples == (18, 14)
    assert found["container"].samples == (9, 7)


def test_too_few_samples_show_nothing_and_say_how_many_it_takes() -> None:
    found = by_arm(contrast(measured(pairs=3), measured(2)))
    assert found["container"].verdict is Verdict.NOT_SHOWN
    assert found["container"].reason == "3 samples are too few for an interval, at least 6 are needed in each run"


def test_different_work_is_no_comparison() -> None:
    found = contrast(measured(), measured(2, size="normal"))
    assert {row.verdict for row in found.rows} == {Verdict.VOID}
    assert "one run is of size quick, the other of size normal" in found.rows[0].reason


def test_a_burdened_container_is_no_comparison() -> None:
    jobs = FakeJobs()
    burdened = run(jobs, ("dgemm",), pairs=7, seed=1, clock=jobs.clock, handicap=busy(0.1))
    assert {row.verdict for row in contrast(measured(), burdened).rows} == {Verdict.VOID}


def test_what_differs_in_the_fingerprints_is_named() -> None:
    found = contrast(measured(environment="6.1"), measured(2, environment="6.12"))
    assert [(one.name, one.first, one.second) for one in found.differences] == [("kernel", "6.1", "6.12")]


def test_metrics_that_one_run_has_alone_are_named_and_not_compared() -> None:
    jobs = FakeJobs()
    both = run(jobs, ("stream", "dgemm"), pairs=7, seed=1, clock=jobs.clock)
    found = contrast(both, measured())
    assert {row.benchmark for row in found.rows} == {"dgemm"}
    assert found.only == {"first": ("stream copy", "stream scale", "stream add", "stream triad")}


def test_what_only_a_benchmark_of_one_run_saw_is_no_difference_between_them() -> None:
    def edit(spec: JobSpec, answer: dict[str, Any]) -> dict[str, Any]:
        own = {"kernel": "6.1", **({"library libstream.so": "1"} if "stream" in spec.name else {})}
        return {**answer, "environment": own} if "metrics" in answer else answer

    jobs = FakeJobs(edit=edit)
    both = run(jobs, ("stream", "dgemm"), pairs=7, seed=1, clock=jobs.clock)
    (dgemm,) = (about for about in both.benchmarks if about.name == "dgemm")
    alone = dataclasses.replace(
        both,
        benchmarks=(dgemm,),
        samples=tuple(sample for sample in both.samples if sample.benchmark == "dgemm"),
        comparisons=tuple(one for one in both.comparisons if one.benchmark == "dgemm"),
    )
    assert contrast(both, alone).differences == ()


def test_equal_runs_are_seldom_called_different() -> None:
    first = measured(1, noise=0.02)
    found = [row for seed in range(2, 22) for row in contrast(first, measured(seed, noise=0.02)).rows]
    assert sum(row.verdict is Verdict.DIFFERENT for row in found) <= 4


def test_long_lists_are_told_by_what_they_do_not_share() -> None:
    flags = " ".join(f"flag{number}" for number in range(30))
    assert apart(flags, f"{flags} ssbd") == ("… (nothing more)", "… ssbd")
    assert apart("6.1", "6.12") == ("6.1", "6.12")


def test_the_table_has_the_three_rows_of_a_metric_and_the_caveat() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(render(contrast(measured(), measured(2, level=105.0), ("a.json", "b.json")), width=80))
    text = console.export_text()
    assert [line.split("  ")[1] for line in text.splitlines() if line.startswith("  ")] == list(SERIES)
    assert "dgemm gflops GFLOP/s ↑" in text
    assert "first: a.json   second: b.json" in text
    assert "Unpaired" in text
    assert "…" not in text


def files(folder: Path) -> tuple[str, str]:
    for name, result in (("a", measured()), ("b", measured(2, level=105.0))):
        (folder / f"{name}.json").write_bytes(result.to_json())
    return str(folder / "a.json"), str(folder / "b.json")


def test_scripts_get_the_same_rows_as_json_and_plain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = files(tmp_path)
    assert invoke(["bench", "compare", first, second, "--output", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["arm"] for row in found["rows"]] == list(SERIES)
    assert (found["first"], found["second"]) == (first, second)
    assert invoke(["bench", "compare", first, second, "--output", "plain"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [["dgemm", "gflops"]] * 3
    assert {len(line) for line in lines} == {11}
    assert [line[-1] for line in lines] == [row["verdict"] for row in found["rows"]]


def test_a_file_that_is_no_run_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, _ = files(tmp_path)
    (tmp_path / "other.json").write_text("{}")
    assert invoke(["bench", "compare", first, str(tmp_path / "other.json")]) != 0
    assert "other.json: this is no benchmark report of schema" in capsys.readouterr().err


def test_plain_rows_are_text() -> None:
    assert all(isinstance(cell, str) for row in rows(contrast(measured(), measured(2))) for cell in row)
