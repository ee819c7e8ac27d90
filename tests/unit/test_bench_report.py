"""What a reader gets to see."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from hpcsched.bench.about import Metric
from hpcsched.bench.drawing import COLOURS
from hpcsched.bench.page_tables import fingerprint
from hpcsched.bench.page_words import repeat
from hpcsched.bench.plan import Arm
from hpcsched.bench.plot_limits import distances
from hpcsched.bench.plot_ratios import APART, Scale
from hpcsched.bench.report import PLAIN, difference, render, rows, sentences, write_csv, write_html, write_json
from hpcsched.bench.result import Result
from hpcsched.bench.runner import run
from hpcsched.bench.telling import chapters, signed
from hpcsched.bench.tidy import COLUMNS
from hpcsched.bench.verdict import Verdict
from hpcsched.errors import HpcschedError
from hpcsched.model.job import JobSpec
from hpcsched.testing.jobs import FakeJobs, Model, with_field
from tests.benchwide import SUITE, wide, write

SVG = "{http://www.w3.org/2000/svg}"


def measured(
    pairs: int = 7,
    fails: Callable[[int, JobSpec], str] = lambda order, spec: "",
    edit: Callable[[JobSpec, dict[str, Any]], dict[str, Any]] = lambda spec, answer: answer,
    **model: float,
) -> Result:
    jobs = FakeJobs(Model(**model), fails=fails, edit=edit)
    return run(jobs, ("stream", "dgemm"), pairs=pairs, seed=1, clock=jobs.clock)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run of dozens of metrics in thirteen benchmarks."""
    return wide(write(tmp_path_factory.mktemp("suite")), pairs=9)


def html(result: Result, folder: Path) -> str:
    write_html(result, folder / "report.html")
    return (folder / "report.html").read_text()


def drawings(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(text) for text in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def marks(drawing: ElementTree.Element, arm: Arm) -> int:
    """Filled marks in the arm's colour, without the one in the legend."""
    uses = [use.get("style", "") for group in drawing.iter(f"{SVG}g") for use in group.findall(f"{SVG}use")]
    return sum(f"fill: {COLOURS[arm].lower()}" in style for style in uses) - 1


def shown(result: Result, long: bool = False, width: int = 160) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(render(result, long, width))
    return console.export_text()


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = html(measured(), tmp_path)
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)|url\((?!#)|@import|<script""", page)


def test_every_sample_is_drawn_in_its_arm_s_colour(tmp_path: Path) -> None:
    _, samples = drawings(html(measured(), tmp_path))
    for arm in Arm:
        assert marks(samples, arm) == 5 * 7


def test_the_page_says_each_verdict_how_it_was_measured_and_what_it_does_not_show(tmp_path: Path) -> None:
    result = measured(noise=0.2)
    page = html(result, tmp_path)
    for metric in ("copy", "scale", "add", "triad", "gflops"):
        assert re.search(rf"<td>{metric}</td>.*?not shown</td>", page)
    assert "Of 5 metrics, container against bare metal: 5 not shown." in page
    assert f"seed {result.seed}" in page
    assert "CPUs 0-1, memory nodes 0" in page
    assert "measured on one node" in page
    assert "docs/method.md" in page
    assert "stream measures memory bandwidth" in page
    assert ". How: J. D. McCalpin, STREAM: " in page


def test_what_a_job_printed_cannot_become_part_of_the_page(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    page = html(measured(fails=lambda order, spec: evil if order == 9 else ""), tmp_path)
    assert evil not in page
    assert "&lt;script&gt;alert(1)" in page


def test_differences_that_the_container_brought_are_named(tmp_path: Path) -> None:
    page = html(measured(edit=lambda spec, answer: with_field(spec, answer, "environment", "seccomp", "2")), tmp_path)
    assert "seccomp: bare metal (none), container 2 (in all benchmarks)" in page
    assert "<td>seccomp</td><td>bare metal: (none); container: 2</td>" in page


@pytest.mark.parametrize(("pairs", "few"), [(1, "1 pair is too few"), (2, "2 pairs are too few")])
def test_too_few_pairs_still_make_a_page_that_claims_nothing(pairs: int, few: str, tmp_path: Path) -> None:
    page = html(measured(pairs), tmp_path)
    assert "5 not shown" in page
    assert few in page


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
    assert "gflops: the interval is wider than" in shown(run(jobs, ("dgemm",), pairs=7, seed=1, clock=jobs.clock))
    assert "copy, scale, add: intervals are wider than" in shown(measured(noise=0.2))


def test_a_run_without_any_sample_makes_a_page_that_says_why(tmp_path: Path) -> None:
    page = html(measured(fails=lambda order, spec: "no C compiler."), tmp_path)
    failed = r"<dd class=\"failed\"><b>failed</b> job 1 FAILED with exit code 1: no C compiler\.</dd>"
    assert re.search(rf"<dt>stream .*?</dt>\n{failed}", page)
    assert "none was compared" in page


def test_the_same_result_gives_the_same_page(tmp_path: Path) -> None:
    result = measured()
    assert html(result, tmp_path) == html(Result.from_json(result.to_json()), tmp_path)


def test_a_page_of_dozens_of_metrics_has_a_row_in_a_drawing_for_each(suite: Result, tmp_path: Path) -> None:
    page = html(suite, tmp_path)
    texts = [element.text or "" for drawing in drawings(page) for element in drawing.iter(f"{SVG}text")]
    for one in suite.comparisons:
        assert f"{one.benchmark} {one.metric.name}" in texts
        assert one.metric.name in texts
        assert signed(one.ratio.estimate - 1) in " ".join(texts)  # type: ignore[operator]


def test_the_page_says_what_the_machine_cannot_show(suite: Result, tmp_path: Path) -> None:
    page = html(suite, tmp_path)
    cannot = page[page.index("What this machine cannot show") : page.index("What does not follow")]
    assert "gpu: no GPU" in cannot
    assert "stream: the bandwidth of each NUMA node" in cannot


def test_the_distance_to_a_limit_is_a_share_whichever_way_is_better(suite: Result) -> None:
    found = {(one.benchmark, one.metric.name): one for one in distances(suite)}
    assert set(found) == {("stream", "copy"), ("stream", "triad"), ("dgemm", "gflops"), ("latency", "l1_ns")}
    assert found["stream", "copy"].bare == pytest.approx(100 / 140, rel=0.01)
    assert found["latency", "l1_ns"].container == pytest.approx(92 / 100, rel=0.02)


def test_the_command_to_repeat_a_run_names_what_the_run_was_given() -> None:
    jobs = FakeJobs()
    result = run(jobs, ("stream", "dgemm"), "normal", 9, 30.0, 5, clock=jobs.clock, precision=-1)
    assert repeat(result) == "hpcsched bench run stream dgemm --size normal --pairs 9 --budget 30 --all-pairs --seed 5"
    usual = run(jobs, ("dgemm",), pairs=9, budget_s=None, seed=5, clock=jobs.clock, precision=0.002)
    assert repeat(usual) == "hpcsched bench run dgemm --size quick --pairs 9 --precision 0.2 --seed 5"


def test_facts_that_belong_together_are_one_row_of_the_fingerprint(suite: Result) -> None:
    table = fingerprint(suite)
    assert table.count("<td>libraries</td>") == 1
    assert "lib0.so 0000000000000000, lib1.so 0000000000000001" in table
    assert "<td>settings of stream</td><td>threads 2</td>" in table


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


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0012, "+0.12%"), (-0.0012, "−0.12%"), (-0.00001, "0.00%"), (0.123, "+12.3%"), (-1 / 3, "−33.3%"), (1.5, "+150%")],
)
def test_shares_have_a_sign_and_three_digits(share: float, text: str) -> None:
    assert signed(share) == text


def test_plain_rows_have_a_cell_for_each_column() -> None:
    assert all(len(cells) == len(PLAIN) for cells in rows(measured(1).comparisons))


def test_the_csv_has_a_row_for_each_sample_and_metric(suite: Result, tmp_path: Path) -> None:
    write_csv(suite, tmp_path / "samples.csv")
    with (tmp_path / "samples.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert tuple(found[0]) == COLUMNS
    values = {(int(row["order"]), row["metric"]): float(row["value"]) for row in found}
    assert values == {(sample.order, name): value for sample in suite.samples for name, value in sample.values.items()}
    warm = {sample.order for sample in suite.samples if sample.warmup}
    assert {int(row["order"]) for row in found if row["warmup"] == "1"} == warm
    outlying = {(order, one.metric.name) for one in suite.comparisons for order in one.checks.outliers}
    assert {(int(row["order"]), row["metric"]) for row in found if row["outlier"] == "1"} == outlying
    assert outlying


def test_a_failed_sample_has_one_row_with_its_error(tmp_path: Path) -> None:
    write_csv(measured(fails=lambda order, spec: "it, broke\n" if order == 9 else ""), tmp_path / "samples.csv")
    with (tmp_path / "samples.csv").open(newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row["error"]]
    assert "it, broke" in row["error"]
    assert (row["metric"], row["value"], row["throttled"]) == ("", "", "")


def test_a_report_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(HpcschedError, match=r"cannot write .*: No such file or directory"):
        write_json(measured(1), tmp_path / "none" / "report.json")


@pytest.mark.parametrize("reach", [1.0, 3.0, 20.0, 60.0, 100.0])
def test_ticks_are_symmetric_and_have_room(reach: float) -> None:
    ticks = Scale(reach, 0.5).ticks()
    assert ticks == [-tick for tick in reversed(ticks)]
    places = [math.asinh(tick / 0.5) / math.asinh(reach / 0.5) for tick in ticks]
    assert min(after - before for before, after in itertools.pairwise(places)) >= APART
    assert len(ticks) >= 3
