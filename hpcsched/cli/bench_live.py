"""How far a benchmark run is, on stderr: a table of the intervals on a terminal, elsewhere a line for each pair.

Neither ratios nor verdicts are shown before the end. The table is drawn between samples only, so that drawing takes nothing from
what is measured on this host.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from hpcsched.model.units import format_duration

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from hpcsched.bench.closing import Closing
    from hpcsched.bench.runner import Progress

ARMS = 3
AROUND = 4
"""Lines of the table that are no rows."""
BAR = 16


@dataclass(frozen=True, slots=True)
class Row:
    """`half_width` and `wanted` are shares; None: not known yet. `pairs` of `planned`; `state` in one word or two."""

    name: str
    state: str
    pairs: int = 0
    planned: int = 0
    half_width: float | None = None
    wanted: float | None = None


@dataclass(slots=True)
class Seen:
    """What was told so far. `told`: samples begun, by benchmark, warm-up ones left out."""

    now: Progress | None = None
    told: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)

    def tell(self, now: Progress) -> None:
        self.now = now
        name = now.step.benchmark
        if name not in self.names:
            self.names = sorted((*self.names, name))
        self.told[name] += not now.step.warmup

    def pairs(self, name: str) -> int:
        """Whole ones: the sample that was just begun is not."""
        current = self.now is not None and self.now.step.benchmark == name and not self.now.step.warmup
        return (self.told[name] - current) // ARMS

    def title(self) -> str:
        if self.now is None:
            return "preparing"
        step = self.now.step
        part = "warm-up" if step.warmup else f"pair {self.pairs(step.benchmark) + 1}"
        return f"{step.benchmark}: {part}, {step.arm.value} · {clock(self.now)}"

    def rows(self, most: int) -> list[Row]:
        """At most so many, if need be: then one of each benchmark that is not at work, farthest from what is wanted."""
        every = {name: self._of(name) for name in self.names}
        if sum(map(len, every.values())) <= most:
            return [row for own in every.values() for row in own]
        working = self.now.step.benchmark if self.now else ""
        room = most - len(every) + 1
        return [row for name, own in every.items() for row in (own[:room] if name == working and room > 1 else farthest(own))]

    def _of(self, name: str) -> list[Row]:
        closing = [one for one in self.now.closing if one.benchmark == name] if self.now else []
        pairs = self.pairs(name)
        if not closing:
            return [Row(name, "measuring" if self.told[name] else "warm-up", pairs)]
        return [_row(one, pairs) for one in closing]


def _row(one: Closing, pairs: int) -> Row:
    """Of a metric; `planned` holds for its benchmark as a whole only if it is the metric that needs most."""
    state = "done" if one.ended else "narrow enough" if one.narrow else "measuring"
    taken = max(pairs, one.pairs)
    return Row(f"{one.benchmark} {one.metric.name}", state, taken, max(one.planned, taken), one.half_width, one.wanted)


def farthest(rows: Sequence[Row]) -> list[Row]:
    """The one whose interval has most to lose."""
    return [max(rows, key=lambda row: (row.half_width or 0.0) / (row.wanted or 1.0))]


def clock(now: Progress) -> str:
    """`3:12 of about 8:40`; the rest is an estimate that falls when intervals close."""
    return f"{format_duration(now.elapsed_s)}{_of_about(now)} · sample {now.done + 1} of about {now.planned}"


def _of_about(now: Progress) -> str:
    if now.done < ARMS:
        return ""
    return f" of about {format_duration(round(now.elapsed_s / now.done * max(now.planned, now.done)))}"


def table(seen: Seen, height: int) -> RenderableType:
    """For a terminal of so many lines."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    found = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("metric", "interval", "wanted", "pairs"):
        found.add_column(name, justify="left" if name == "metric" else "right", no_wrap=True)
    found.add_column("", width=BAR)
    found.add_column("")
    for row in seen.rows(max(height - AROUND, 1)):
        state = Text(row.state, style=_style(row))
        found.add_row(row.name, width(row.half_width), width(row.wanted), _pairs(row), _bar(row), state)
    return Group(Text(seen.title()), found) if seen.names else Text(seen.title())


def width(share: float | None) -> str:
    return "" if share is None else f"±{share:.2%}"


def _pairs(row: Row) -> str:
    return f"{row.pairs} of {row.planned}" if row.planned else str(row.pairs)


def _bar(row: Row) -> RenderableType:
    from rich.progress_bar import ProgressBar

    done = row.state != "measuring"
    return ProgressBar(total=max(row.planned, 1), completed=row.planned if done else min(row.pairs, row.planned), width=BAR)


def _style(row: Row) -> str:
    return {"done": "green", "narrow enough": "green", "warm-up": "dim"}.get(row.state, "")


@contextmanager
def bench_progress() -> Iterator[Callable[[Progress], None]]:
    """The function to tell of every sample."""
    if not sys.stderr.isatty():
        yield Lines().tell
        return
    from rich.console import Console

    with live(Console(stderr=True)) as tell:
        yield tell


@contextmanager
def live(screen: Console) -> Iterator[Callable[[Progress], None]]:
    from rich.live import Live

    seen = Seen()
    with Live(table(seen, screen.height), console=screen, auto_refresh=False, transient=True) as shown:

        def tell(now: Progress) -> None:
            seen.tell(now)
            shown.update(table(seen, screen.height), refresh=True)

        yield tell


class Lines:
    """Says each block once, and how far the widest interval has come."""

    def __init__(self) -> None:
        self._block = -1

    def tell(self, now: Progress) -> None:
        if now.step.block != self._block:
            self._block = now.step.block
            kind = "warm-up" if now.step.warmup else f"block {now.step.block}"
            click.echo(f"{kind} · {clock(now)}{self._widest(now)}", err=True)

    def _widest(self, now: Progress) -> str:
        open_ones = [_row(one, one.pairs) for one in now.closing if not one.ended and not one.narrow]
        if not open_ones:
            return ""
        row = farthest(open_ones)[0]
        return f" · widest: {row.name} {width(row.half_width)} of {width(row.wanted)}"
