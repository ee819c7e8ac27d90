"""Two runs against each other, for people at a terminal and for scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hpcsched.bench.contrast import Contrast, Difference, Row
from hpcsched.bench.report import COLOURS, difference, figure, p_value, size
from hpcsched.bench.verdict import Verdict, percent
from hpcsched.model.units import format_count

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

SHORT = 48
"""Characters of a value that are shown unless all is asked for."""
NARROW = 96
CAVEAT = "Unpaired: an interval tells the noise within the runs, and nothing of what else changed between them."
NOTHING = "The fingerprints show no difference."


def render(found: Contrast, long: bool = False, width: int = 160) -> Group:
    """For rich's Console of that width. `long`: every difference of the fingerprints at full length."""
    from rich.console import Group
    from rich.text import Text

    head = [Text(f"first: {found.first}   second: {found.second}   ratio: second / first\n")]
    parts: list[RenderableType] = [*head, *([_table(found.rows, width)] if found.rows else [])]
    parts += [Text(line) for line in ("", lead(found), *found_reasons(found), CAVEAT, *_only(found), "")]
    parts.append(_differences(found.differences, long) if found.differences else Text(NOTHING))
    return Group(*parts)


def lead(found: Contrast) -> str:
    fallen = Counter(row.verdict for row in found.rows)
    counts = ", ".join(f"{fallen[verdict]} {verdict}" for verdict in Verdict if fallen[verdict])
    return f"Of {format_count(len(found.rows), 'row')}: {counts or 'the runs have no metric in common'}."


def found_reasons(found: Contrast) -> Iterable[str]:
    """Why rows are void: it is the same for all."""
    yield from dict.fromkeys(f"Void: {row.reason}." for row in found.rows if row.verdict is Verdict.VOID)


def _only(found: Contrast) -> Iterable[str]:
    names = {"first": found.first, "second": found.second}
    yield from (f"Only in {names[side]}: {', '.join(metrics)}." for side, metrics in found.only.items())


def rows(found: Contrast) -> Iterable[tuple[str, ...]]:
    """Cells for scripts."""
    for row in found.rows:
        named = (row.benchmark, row.metric.name, row.metric.unit, row.arm, figure(row.first), figure(row.second))
        samples = "/".join(map(str, row.samples))
        yield (*named, percent(row.ratio), f"±{row.margin:.1%}", samples, p_value(row.p_adjusted), str(row.verdict))


def _table(found: Sequence[Row], width: int) -> Table:
    """A row above each metric's three."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    heads = ("metric", "first", "second", "difference in %", "could show", "samples", "verdict")
    wide = width >= NARROW
    for name in heads if wide else (*heads[:4], heads[6]):
        table.add_column(name, justify="left" if name in ("metric", "verdict") else "right", no_wrap=name != "metric")
    before = ("", "")
    for row in found:
        if (row.benchmark, row.metric.name) != before:
            before = (row.benchmark, row.metric.name)
            table.add_row(_name(row), "", "", Text(f"margin ±{row.margin:.1%}", style="dim"))
        more = (size(row.detectable), f"{row.samples[0]} / {row.samples[1]}") if wide else ()
        figures = (figure(row.first), figure(row.second), difference(row.ratio), *more)
        table.add_row(f"  {row.arm}", *figures, Text(row.verdict, style=COLOURS[row.verdict]))
    return table


def _name(row: Row) -> RenderableType:
    from rich.text import Text

    arrow = "↑" if row.metric.higher_is_better else "↓"
    return Text.assemble((f"{row.benchmark} {row.metric.name}", "bold"), (f" {row.metric.unit} {arrow}", "dim"))


def _differences(found: Sequence[Difference], long: bool) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("what differs", "first", "second"):
        table.add_column(name, overflow="fold")
    for one in found:
        first, second = (one.first, one.second) if long else apart(one.first, one.second)
        table.add_row(one.name, first, second)
    return table


def apart(first: str, second: str) -> tuple[str, str]:
    """Of long lists, such as the flags of a CPU, what one has and the other has not; shortened."""
    if max(len(first), len(second)) <= SHORT:
        return first, second
    one, other = first.split(), second.split()
    return _without(one, other), _without(other, one)


def _without(words: Sequence[str], others: Sequence[str]) -> str:
    own = " ".join(word for word in words if word not in others)
    return f"… {own[:SHORT]}{'…' if len(own) > SHORT else ''}" if own else "… (nothing more)"
