"""What a reader gets to see at a terminal."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from hpcsched.bench.about import Metric
from hpcsched.bench.report import PLAIN, difference, figure, rows, sentences
from hpcsched.bench.result import Result
from hpcsched.bench.runner import run
from hpcsched.bench.stats import Interval, Ratio
from hpcsched.bench.telling import chapters
from hpcsched.bench.verdict import Verdict, percent
from hpcsched.bench.wording import signed
from hpcsched.testing.jobs import FakeJobs, Model
from tests.benchreports import html, measured, seeing, shown
from tests.benchwide import SUITE, wide, write


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run of dozens of metrics in thirteen benchmarks."""
    return wide(write(tmp_path_factory.mktemp("suite")), pairs=9)


def test_of_what_there_is_only_one_it_is_told_in_the_singular(tmp_path: Path) -> None:
    jobs = FakeJobs(Model(noise=0.2))
    result = run(jobs, ("dgemm",), pairs=1, seed=1, clock=jobs.clock)
    assert "Of 1 metric, container against bare metal: 1 not shown." in shown(result)
    assert "took at most 1 pair, " in html(result, tmp_path)
    assert result.ends == {"dgemm": "after its one pair"}
    told = " ".join((shown(result, long=True), html(result, tmp_path)))
    assert not re.search(r"(?<![\d.,])1 (pairs|samples|metrics|more metrics|cores)\b", told)


def test_one_wide_interval_is_not_told_as_several() -> None:
    jobs = FakeJobs(Model(noise=0.2))
    assert "gflops: the interval goes beyond the margin" in shown(run(jobs, ("dgemm",), pairs=7, seed=1, clock=jobs.clock))
    assert "copy, scale, add: intervals go beyond the margin" in shown(measured(noise=0.2))


def test_the_table_shows_a_row_for_each_metric_below_its_benchmark(suite: Result) -> None:
    lines = shown(suite).splitlines()
    for name, (_, _, _, _, metrics) in SUITE.items():
        if name != "gpu":
            start = next(number for number, line in enumerate(lines) if line.startswith(f"{name} ") and "margin" in line)
            assert [line.split()[0] for line in lines[start + 1 : start + 1 + len(metrics)]] == metrics


def test_a_metric_with_a_margin_of_its_own_shows_it(tmp_path: Path) -> None:
    result = measured()
    own = dataclasses.replace(result.comparisons[0], metric=Metric("copy", "GB/s", margin=0.03), margin=0.03)
    changed = dataclasses.replace(result, comparisons=(own, *result.comparisons[1:]))
    for text in (shown(changed), html(changed, tmp_path)):
        assert "copy ±3.0%" in text
        assert "scale ±" not in text
        assert "margin ±0.5%" in text


def test_a_narrow_terminal_cuts_no_figure(suite: Result) -> None:
    text = shown(suite, width=80)
    for one in suite.comparisons:
        assert difference(one.ratio) in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_all_metrics_are_spoken_of_once(suite: Result) -> None:
    for chapter in chapters(suite):
        told = [name for one in chapter.told for name in one.metrics]
        assert sorted(told) == sorted(one.metric.name for one in chapter.comparisons)


def test_metrics_of_one_verdict_are_told_together_and_differences_alone(suite: Result) -> None:
    told = {chapter.about.name: chapter.told for chapter in chapters(suite)}
    assert [one.metrics for one in told["disk"] if one.verdict is Verdict.DIFFERENT] == []
    slow = next(one for one in told["syscall"] if one.verdict is Verdict.DIFFERENT)
    assert slow.metrics == ("getpid_ns",)
    assert "worse than bare metal" in slow.text
    assert "a likely cause: seccomp" in slow.text
    assert told["gpu"][0].mark == "absent"


def test_the_long_form_has_a_sentence_for_each_metric(suite: Result) -> None:
    text = " ".join(shown(suite, long=True).split())
    for sentence in sentences(suite):
        assert " ".join(sentence.split()) in text
        assert sentence.partition(":")[0] in text


def test_a_burden_and_an_early_end_are_told_first() -> None:
    jobs = FakeJobs()
    result = run(jobs, ("dgemm",), pairs=500, budget_s=60.0, seed=1, clock=jobs.clock, precision=-1)
    assert "Ended early: the time budget of 60 s was used up" in shown(result)


@pytest.mark.parametrize(("share", "text"), [(2e-5, "+0.002%"), (-2.2e-5, "−0.002%"), (9.4e-5, "+0.009%"), (9.6e-5, "+0.01%")])
def test_shares_too_small_for_that_have_one_digit(share: float, text: str) -> None:
    assert signed(share) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(0.99, 1.01, "1.0000 [0.9900, 1.0100]"), (1.000012, 1.000031, "1.000020 [1.000012, 1.000031]")],
)
def test_a_ratio_has_as_many_digits_as_tell_the_ends_of_its_interval_apart(low: float, high: float, text: str) -> None:
    assert percent(Ratio(7, 1.00002, Interval(low, high))) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0012, "+0.12%"),
        (-0.0012, "−0.12%"),
        (0.0, "0.00%"),
        (4e-6, "0.00%"),
        (0.123, "+12.3%"),
        (-1 / 3, "−33.3%"),
        (1.5, "+150%"),
    ],
)
def test_shares_have_a_sign_and_three_digits(share: float, text: str) -> None:
    assert signed(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.070443, "0.070443"), (99999.4, "99999"), (99999.6, "100000"), (779201.6, "779200"), (-1.5e6, "-1500000")],
)
def test_figures_have_five_digits_and_large_ones_no_exponent(value: float | None, text: str) -> None:
    assert figure(value) == text


def test_bare_metal_of_a_virtual_machine_is_called_that(tmp_path: Path) -> None:
    said = "The node is a virtual machine: bare metal means without a container here, not without a hypervisor"
    virtual = measured(edit=seeing(cpu_flags="fpu hypervisor"))
    assert all(said in text for text in (shown(virtual), html(virtual, tmp_path)))
    assert said not in shown(measured())


def test_plain_rows_have_a_cell_for_each_column() -> None:
    assert all(len(cells) == len(PLAIN) for cells in rows(measured(1).comparisons))
