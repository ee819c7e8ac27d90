"""A result for people at a terminal: a short table, then what it means, a benchmark at a time; and the files of a report."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpcsched.bench.page_words import missing
from hpcsched.bench.power import power
from hpcsched.bench.result import Result
from hpcsched.bench.stats import Ratio
from hpcsched.bench.telling import Chapter, chapters, lead, mean, remarks
from hpcsched.bench.tidy import tidy
from hpcsched.bench.verdict import Comparison, Verdict, percent
from hpcsched.bench.wording import signed, unsigned
from hpcsched.errors import HpcschedError
from hpcsched.model.units import format_count, format_figure

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

COLOURS = {Verdict.EQUIVALENT: "green", Verdict.DIFFERENT: "red", Verdict.NOT_SHOWN: "yellow", Verdict.VOID: "red"}


@dataclass(frozen=True, slots=True)
class Column:
    """`group`: what stands there in the row above a benchmark's metrics. `long`: only where all is asked for; `spare`: not on
    a narrow terminal.
    """

    name: str
    text: Callable[[Comparison], str]
    group: Callable[[Comparison], str] = lambda one: ""
    right: bool = True
    long: bool = False
    spare: bool = False


COLUMNS = (
    Column("metric", lambda one: f"  {one.metric.name}{own_margin(one)}", lambda one: one.benchmark, right=False),
    Column("unit", lambda one: f"{one.metric.unit} {'↑' if one.metric.higher_is_better else '↓'}", right=False, spare=True),
    Column("bare metal", lambda one: figure(one.bare)),
    Column("container", lambda one: figure(one.container)),
    Column("difference in %", lambda one: difference(one.ratio), lambda one: f"margin ±{one.margin:.1%}"),
    Column("control in %", lambda one: difference(one.control), long=True),
    Column("could show", lambda one: size(one.detectable), long=True),
    Column("p same", lambda one: p_value(one.p.different_adjusted), long=True),
    Column("p apart", lambda one: p_value(one.p.equivalent), long=True),
    Column("verdict", lambda one: one.verdict, lambda one: format_count(one.ratio.pairs, "pair"), right=False),
)
LEGEND = "↑ higher is better, ↓ lower is better; medians of each arm; differences within pairs, with 95 % intervals\n"
LONG_LEGEND = (
    "could show: the smallest true difference that these samples would have found in four runs of five; "
    "p same: of no difference, corrected for all metrics; p apart: of a difference of the margin or more\n"
)
NARROW = 96
"""Characters below which a terminal is narrow."""
NAMES, MARKS = 9, 10
"""Characters for a benchmark's name, for a verdict."""
PLAIN = (
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


def render(result: Result, long: bool = False, width: int = 160) -> Group:
    """For rich's Console of that width. `long`: also control, p-values and a sentence for each metric."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [_table(result.comparisons, long, width)] if result.comparisons else []
    parts += [Text(LEGEND + (LONG_LEGEND if long else ""), style="dim")] if parts else []
    parts += [Text(line) for line in (lead(result), *power(result.comparisons), *remarks(result), mean(result)) if line]
    parts += [_told(chapter) for chapter in chapters(result) if chapter.told]
    parts += [Text(line) for line in _missing(result)]
    parts += [Text(line) for line in sentences(result)] if long else []
    return Group(*parts)


def sentences(result: Result) -> Iterable[str]:
    """A verdict in plain words for each metric, and what to know beside it."""
    for comparison in result.comparisons:
        yield " ".join((comparison.sentence, *comparison.notes))


def rows(comparisons: Iterable[Comparison]) -> Iterable[tuple[str, ...]]:
    """Cells in the order of PLAIN."""
    for found in comparisons:
        medians = (figure(value) for value in (found.bare, found.container))
        ratios = (percent(found.ratio), percent(found.control))
        tail = (f"±{found.margin:.1%}", str(found.ratio.pairs), str(found.verdict))
        yield (found.benchmark, found.metric.name, found.metric.unit, *medians, *ratios, *tail)


def difference(ratio: Ratio) -> str:
    """`−0.13 [−0.39, +0.12]`: per cent, with the 95 % interval."""
    if ratio.estimate is None:
        return "–"
    ends = f" [{_points(ratio.wide.low)}, {_points(ratio.wide.high)}]" if ratio.wide else ""
    return _points(ratio.estimate) + ends


def _points(ratio: float) -> str:
    return signed(ratio - 1).removesuffix("%")


def own_margin(one: Comparison) -> str:
    """Of a metric that does not have its benchmark's."""
    return f" ±{one.margin:.1%}" if one.metric.margin else ""


def figure(value: float | None) -> str:
    """Five significant digits, of large figures without an exponent; or a dash."""
    return "–" if value is None else format_figure(value)


def size(share: float | None) -> str:
    """Of a difference, without a sign; or a dash."""
    return "–" if share is None else unsigned(share)


def p_value(value: float | None) -> str:
    return "–" if value is None else f"{value:.2g}"


def _table(comparisons: Sequence[Comparison], long: bool, width: int) -> Table:
    """Above the metrics of each benchmark a row with its name, margin and pairs."""
    from rich.table import Table
    from rich.text import Text

    columns = [column for column in COLUMNS if (long or not column.long) and (width >= NARROW or not column.spare)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        words = column.name in ("metric", "unit")
        table.add_column(column.name, justify="right" if column.right else "left", no_wrap=not words, overflow="fold")
    for _, group in itertools.groupby(comparisons, key=lambda one: one.benchmark):
        own = list(group)
        usual = next((one for one in own if not one.metric.margin), own[0])
        table.add_row(*(Text(column.group(usual), style="bold" if column.name == "metric" else "dim") for column in columns))
        for one in own:
            table.add_row(*(Text(column.text(one), style=_style(column, one)) for column in columns))
    return table


def _style(column: Column, one: Comparison) -> str:
    return COLOURS[one.verdict] if column.name == "verdict" else ""


def _told(chapter: Chapter) -> RenderableType:
    """The benchmark's name, and beside it a line for each thing to say."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=NAMES, style="bold")
    grid.add_column(width=MARKS)
    grid.add_column()
    for number, one in enumerate(chapter.told):
        names = ", ".join(one.metrics) if len(one.metrics) < max(len(chapter.about.metrics), 2) else "all"
        style = COLOURS[one.verdict] if one.verdict else "red" if one.mark == "failed" else "dim"
        text = f"{names}: {one.text}" if one.metrics else one.text
        grid.add_row(chapter.about.name if number == 0 else "", Text(one.mark, style=style), Text(text))
    return grid


def _missing(result: Result) -> Iterable[str]:
    lacks = [line for line in missing(result) if line.partition(":")[0] not in result.absent]
    if lacks:
        yield "\nNot measured here:"
        yield from (f"  {line}" for line in lacks)


def write_html(result: Result, path: Path) -> None:
    """Raises HpcschedError when the file cannot be written."""
    from hpcsched.bench.page import page

    write(path, page(result).encode())


def write_json(result: Result, path: Path) -> None:
    """Raises HpcschedError when the file cannot be written."""
    write(path, result.to_json())


def write_csv(result: Result, path: Path) -> None:
    """One row for each sample and metric. Raises HpcschedError when the file cannot be written."""
    write(path, tidy(result).encode())


def write(path: Path, body: bytes) -> None:
    try:
        path.write_bytes(body)
    except OSError as error:
        raise HpcschedError(f"cannot write {path}: {error.strerror}") from None
