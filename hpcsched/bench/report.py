"""A result for people: a table for the terminal, a page for everybody else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hpcsched.bench.result import Result
from hpcsched.bench.verdict import Comparison, Verdict, percent
from hpcsched.errors import HpcschedError

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

COLOURS = {Verdict.EQUIVALENT: "green", Verdict.DIFFERENT: "red", Verdict.NOT_SHOWN: "yellow", Verdict.VOID: "red"}
COLUMNS = (
    "benchmark",
    "metric",
    "unit",
    "bare metal",
    "container",
    "ratio [95 %]",
    "control [95 %]",
    "margin",
    "pairs",
    "verdict",
)


def render_table(result: Result) -> Group:
    """For rich's Console: the table, then a sentence for each metric and for all that went wrong."""
    from rich.console import Group
    from rich.text import Text

    return Group(_table(result.comparisons), *(Text(line) for line in sentences(result)))


def sentences(result: Result) -> Iterable[str]:
    """Verdicts in plain words."""
    for name, why in result.failed.items():
        yield f"{name} failed: {why}"
    for name, why in result.absent.items():
        yield f"{name}: not measured here: {why}"
    for name, lacks in result.lacks.items():
        yield from (f"{name}: not measured here: {lack}" for lack in lacks)
    for comparison in result.comparisons:
        yield comparison.sentence
    if result.stopped:
        yield f"Ended early: {result.stopped}."


def rows(comparisons: Iterable[Comparison]) -> Iterable[tuple[str, ...]]:
    """Cells in the order of COLUMNS."""
    for found in comparisons:
        medians = ("–" if value is None else f"{value:.5g}" for value in (found.bare, found.container))
        ratios = (percent(found.ratio), percent(found.control))
        tail = (f"±{found.margin:.1%}", str(found.ratio.pairs), str(found.verdict))
        yield (found.benchmark, found.metric.name, found.metric.unit, *medians, *ratios, *tail)


def _table(comparisons: tuple[Comparison, ...]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="container / bare metal, paired")
    for name in COLUMNS:
        table.add_column(name, justify="right" if name in COLUMNS[3:9] else "left")
    for comparison, cells in zip(comparisons, rows(comparisons), strict=True):
        table.add_row(*cells[:-1], Text(cells[-1], style=COLOURS[comparison.verdict]))
    return table


def write_html(result: Result, path: Path) -> None:
    """Raises HpcschedError when the file cannot be written."""
    from hpcsched.bench.page import page

    _write(path, page(result).encode())


def write_json(result: Result, path: Path) -> None:
    """Raises HpcschedError when the file cannot be written."""
    _write(path, result.to_json())


def _write(path: Path, body: bytes) -> None:
    try:
        path.write_bytes(body)
    except OSError as error:
        raise HpcschedError(f"cannot write {path}: {error.strerror}") from None
