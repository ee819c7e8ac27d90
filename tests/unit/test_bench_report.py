"""What a reader gets to see."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from hpcsched.bench.plan import Arm
from hpcsched.bench.plots import COLOURS
from hpcsched.bench.report import COLUMNS, render_table, rows, sentences, write_html, write_json
from hpcsched.bench.result import Result
from hpcsched.bench.runner import run
from hpcsched.errors import HpcschedError
from hpcsched.model.job import JobSpec
from hpcsched.testing.jobs import FakeJobs, Model, with_field

SVG = "{http://www.w3.org/2000/svg}"


def measured(
    pairs: int = 7,
    fails: Callable[[int, JobSpec], str] = lambda order, spec: "",
    edit: Callable[[JobSpec, dict[str, Any]], dict[str, Any]] = lambda spec, answer: answer,
    **model: float,
) -> Result:
    jobs = FakeJobs(Model(**model), fails=fails, edit=edit)
    return run(jobs, ("stream", "dgemm"), pairs=pairs, seed=1, clock=jobs.clock)


def html(result: Result, folder: Path) -> str:
    write_html(result, folder / "report.html")
    return (folder / "report.html").read_text()


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
    result = measured()
    _, stream, dgemm = drawings(html(result, tmp_path))
    for arm in Arm:
        assert marks(dgemm, arm) == 7
        assert marks(stream, arm) == 4 * 7


def test_the_page_says_each_verdict_how_it_was_measured_and_what_it_does_not_show(tmp_path: Path) -> None:
    result = measured(noise=0.2)
    page = html(result, tmp_path)
    for comparison in result.comparisons:
        assert comparison.sentence in page
    assert "Of 5 metrics, container against bare metal: 5 not shown." in page
    assert f"seed {result.seed}" in page
    assert "CPUs 0-1, memory nodes 0" in page
    assert "measured on one node" in page


def test_what_a_job_printed_cannot_become_part_of_the_page(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    page = html(measured(fails=lambda order, spec: evil if order == 9 else ""), tmp_path)
    assert evil not in page
    assert "&lt;script&gt;alert(1)" in page


def test_differences_that_the_container_brought_are_named(tmp_path: Path) -> None:
    page = html(measured(edit=lambda spec, answer: with_field(spec, answer, "environment", "seccomp", "2")), tmp_path)
    assert "the container itself brought a difference, seccomp: bare metal (none), container 2" in page


@pytest.mark.parametrize("pairs", [1, 2])
def test_too_few_pairs_still_make_a_page_that_claims_nothing(pairs: int, tmp_path: Path) -> None:
    page = html(measured(pairs), tmp_path)
    assert "5 not shown" in page
    assert f"{pairs} pairs are too few" in page


def test_a_run_without_any_sample_makes_a_page_that_says_why(tmp_path: Path) -> None:
    page = html(measured(fails=lambda order, spec: "no C compiler"), tmp_path)
    assert "stream: job 1 FAILED with exit code 1: no C compiler" in page
    assert "none was compared" in page


def test_the_same_result_gives_the_same_page(tmp_path: Path) -> None:
    result = measured()
    assert html(result, tmp_path) == html(Result.from_json(result.to_json()), tmp_path)


def test_the_table_shows_a_row_for_each_metric_and_a_sentence_for_each_verdict() -> None:
    result = measured(container=0.9)
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(render_table(result))
    console.file.close()
    text = console.export_text()
    assert sum("different" in line and "│" in line for line in text.splitlines()) == 5
    assert all(sentence in text for sentence in sentences(result))


def test_plain_rows_have_a_cell_for_each_column() -> None:
    assert all(len(cells) == len(COLUMNS) for cells in rows(measured(1).comparisons))


def test_a_report_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(HpcschedError, match=r"cannot write .*: No such file or directory"):
        write_json(measured(1), tmp_path / "none" / "report.json")
