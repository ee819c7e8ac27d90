"""The page for a reader who was not there."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from hpcsched.bench.drawing import COLOURS
from hpcsched.bench.page_tables import fingerprint
from hpcsched.bench.page_words import repeat
from hpcsched.bench.plan import Arm
from hpcsched.bench.plot_limits import distances
from hpcsched.bench.plot_ratios import APART, Scale
from hpcsched.bench.result import Result
from hpcsched.bench.runner import run
from hpcsched.bench.wording import signed
from hpcsched.model.job import JobSpec
from hpcsched.testing.jobs import FakeJobs, with_field
from tests.benchreports import html, measured, seeing
from tests.benchwide import wide, write

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run of dozens of metrics in thirteen benchmarks."""
    return wide(write(tmp_path_factory.mktemp("suite")), pairs=9)


def drawings(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(text) for text in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def marks(drawing: ElementTree.Element, arm: Arm) -> int:
    """Filled marks in the arm's colour, without the one in the legend."""
    uses = [use.get("style", "") for group in drawing.iter(f"{SVG}g") for use in group.findall(f"{SVG}use")]
    return sum(f"fill: {COLOURS[arm].lower()}" in style for style in uses) - 1


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


def test_capabilities_that_the_container_has_not_are_named(tmp_path: Path) -> None:
    def masks(spec: JobSpec, answer: dict[str, Any]) -> dict[str, Any]:
        mask = "00000000808c41fb" if spec.runtime == "lxc" else "00000000a08c41ff"
        return {**answer, "environment": {**answer["environment"], "capabilities": mask}} if "environment" in answer else answer

    page = html(measured(edit=masks), tmp_path)
    assert "bare metal 00000000a08c41ff, container 00000000808c41fb, which is without dac_read_search, audit_write" in page


@pytest.mark.parametrize(("pairs", "few"), [(1, "1 pair is too few"), (2, "2 pairs are too few")])
def test_too_few_pairs_still_make_a_page_that_claims_nothing(pairs: int, few: str, tmp_path: Path) -> None:
    page = html(measured(pairs), tmp_path)
    assert "5 not shown" in page
    assert few in page


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
        assert f"{one.metric.name} {'↑' if one.metric.higher_is_better else '↓'}" in texts
        assert signed(one.ratio.estimate - 1) in " ".join(texts)  # type: ignore[operator]


def test_the_page_says_what_was_not_measured(suite: Result, tmp_path: Path) -> None:
    page = html(suite, tmp_path)
    cannot = page[page.index("What was not measured here") : page.index("What does not follow")]
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


def test_the_page_names_what_the_container_was_made_of_and_the_kernel(tmp_path: Path) -> None:
    result = measured(edit=seeing(kernel="6.1.0"))
    facts = (("image host", "5b0c"), ("profile", "liblxc 5.0.2 cgroup v2"))
    page = html(dataclasses.replace(result, nodes=(dataclasses.replace(result.nodes[0], facts=facts),)), tmp_path)
    assert "The container on n1: image host, digest 5b0c, liblxc 5.0.2 cgroup v2." in page
    assert " · Linux 6.1.0 · size quick" in page


@pytest.mark.parametrize("reach", [1.0, 3.0, 20.0, 60.0, 100.0])
def test_ticks_are_symmetric_and_have_room(reach: float) -> None:
    ticks = Scale(reach, 0.5).ticks()
    assert ticks == [-tick for tick in reversed(ticks)]
    places = [math.asinh(tick / 0.5) / math.asinh(reach / 0.5) for tick in ticks]
    assert min(after - before for before, after in itertools.pairwise(places)) >= APART
    assert len(ticks) >= 3
