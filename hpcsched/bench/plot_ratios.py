"""The forest plot: each metric's ratio to bare metal and that of the control, over the margin."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hpcsched.bench.drawing import COLOURS, MARGIN_COLOUR, MARKERS, VERDICT_COLOURS, WIDTH, new_figure, plain, style, svg
from hpcsched.bench.plan import Arm
from hpcsched.bench.stats import Interval, Ratio
from hpcsched.bench.verdict import Comparison
from hpcsched.bench.wording import signed

ROW, HEAD, FOOT = 0.26, 0.42, 0.55
"""Inches: of a row, above and below all of them."""
LEFT, RIGHT = 1.8, 2.75
"""Inches for the names and for the figures."""
MOST_ROWS = 18
"""Of one drawing: two fit on a page."""
FARTHEST = 100.0
"""Per cent; what reaches beyond is cut off, with an arrow."""
TICKS = [base * 10.0**power for power in (-2, -1, 0, 1, 2) for base in (1, 2, 5)]
AXIS = "difference from bare metal in % (linear near 0, logarithmic beyond); thin: 95 % interval, thick: 90 %"
APART = 0.19
"""Two ticks at least, as a share of the axis from zero to its end: their labels have room."""


@dataclass(frozen=True, slots=True)
class Scale:
    """`reach`: per cent on both sides; around zero, as far as `fine`, it is linear, and from there on ever coarser."""

    reach: float
    fine: float

    def ticks(self) -> list[float]:
        right: list[float] = []
        for tick in TICKS:
            if self.fine * 0.9 <= tick <= self.reach * 1.001 and self._at(tick) - self._at(right[-1] if right else 0.0) >= APART:
                right.append(tick)
        return [-tick for tick in reversed(right)] + [0.0, *right]

    def _at(self, tick: float) -> float:
        """Its place between zero and the end of the axis, 0 to 1."""
        return math.asinh(tick / self.fine) / math.asinh(self.reach / self.fine)


def ratio_plots(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """SVG drawings of one scale, each of at most MOST_ROWS rows, and each benchmark in one of them if it has not more."""
    if comparisons:
        scale = _scale(comparisons)
        for part in _parts(comparisons):
            yield _drawing(part, scale)


def _scale(comparisons: Sequence[Comparison]) -> Scale:
    margins = [comparison.margin * 100 for comparison in comparisons]
    return Scale(min(max([*_reaches(comparisons), max(margins) * 1.3]) * 1.1, FARTHEST), min(margins))


def _reaches(comparisons: Iterable[Comparison]) -> Iterator[float]:
    for comparison in comparisons:
        for ratio in (comparison.ratio, comparison.control):
            ends = (ratio.estimate, *((ratio.wide.low, ratio.wide.high) if ratio.wide else ()))
            yield from (abs(_percent(end)) for end in ends if end is not None)


def _percent(ratio: float) -> float:
    return (ratio - 1.0) * 100


def _parts(comparisons: Sequence[Comparison]) -> Iterator[list[Comparison]]:
    part: list[Comparison] = []
    for _, group in itertools.groupby(comparisons, key=lambda comparison: comparison.benchmark):
        own = list(group)
        if part and len(part) + len(own) > MOST_ROWS:
            yield part
            part = []
        part += own
    yield part


def _drawing(comparisons: Sequence[Comparison], scale: Scale) -> str:
    rows = len(comparisons) + _benchmarks(comparisons)
    height = HEAD + rows * ROW + FOOT
    with style():
        figure = new_figure(height)
        box = (LEFT / WIDTH, FOOT / height, 1 - (LEFT + RIGHT) / WIDTH, rows * ROW / height)
        axes = figure.add_axes(box)
        places = list(_places(comparisons))
        for place, comparison in zip(places, comparisons, strict=True):
            _row(axes, place, comparison, scale, first=place == places[0])
        _names(axes, places, comparisons)
        _frame(axes, rows, scale)
        _legend(figure, axes)
        return svg(figure, "Ratios to bare metal with their intervals and margins")


def _benchmarks(comparisons: Sequence[Comparison]) -> int:
    return len({comparison.benchmark for comparison in comparisons})


def _places(comparisons: Sequence[Comparison]) -> Iterator[float]:
    """Rows from the top, one left free above each benchmark for its name."""
    place, before = -1.0, ""
    for comparison in comparisons:
        place += 2.0 if comparison.benchmark != before else 1.0
        before = comparison.benchmark
        yield place


def _row(axes: Any, place: float, comparison: Comparison, scale: Scale, first: bool) -> None:
    band = [-comparison.margin * 100, comparison.margin * 100]
    label = "margin of equivalence" if first else None
    axes.fill_betweenx([place - 0.5, place + 0.5], *band, color=MARGIN_COLOUR, alpha=0.18, linewidth=0, label=label)
    named = ("container / bare metal", "bare metal / bare metal (control)") if first else (None, None)
    _whisker(axes, place - 0.14, comparison.ratio, Arm.CONTAINER, scale, named[0])
    _whisker(axes, place + 0.22, comparison.control, Arm.CONTROL, scale, named[1])
    _told(axes, place, comparison)


def _whisker(axes: Any, height: float, ratio: Ratio, arm: Arm, scale: Scale, label: str | None) -> None:
    if ratio.estimate is None:
        return
    size = 1.0 if arm is Arm.CONTAINER else 0.7
    for interval, thickness in ((ratio.wide, 1.1), (ratio.narrow, 3.2)):
        if interval is not None:
            _line(axes, height, interval, scale, {"color": COLOURS[arm], "linewidth": thickness * size})
    centre = max(min(_percent(ratio.estimate), scale.reach), -scale.reach)
    axes.plot(centre, height, MARKERS[arm], color=COLOURS[arm], markersize=5 * size, label=label, clip_on=False)


def _line(axes: Any, height: float, interval: Interval, scale: Scale, look: dict[str, Any]) -> None:
    low, high = _percent(interval.low), _percent(interval.high)
    ends = [max(low, -scale.reach), min(high, scale.reach)]
    axes.plot(ends, [height, height], solid_capstyle="butt", **look)
    for cut, end, mark in ((low < -scale.reach, ends[0], "<"), (high > scale.reach, ends[1], ">")):
        if cut:
            axes.plot(end, height, mark, color=look["color"], markersize=4, clip_on=False)


def _told(axes: Any, place: float, comparison: Comparison) -> None:
    """The figures and the verdict, to the right of the row."""
    across = axes.get_yaxis_transform()
    text = {"transform": across, "va": "center", "fontsize": 7.5, "clip_on": False}
    wide, estimate = comparison.ratio.wide, comparison.ratio.estimate
    figures = "–" if estimate is None else signed(estimate - 1)
    if wide:
        figures += f" [{signed(wide.low - 1)}, {signed(wide.high - 1)}]"
    axes.text(1.02, place, figures, color="#1a1a1a", **text)
    inch = 1 / (WIDTH - LEFT - RIGHT)
    verdict = comparison.verdict
    axes.text(1 + RIGHT * inch - 0.02, place, str(verdict), color=VERDICT_COLOURS[verdict], ha="right", weight="bold", **text)


def _names(axes: Any, places: Sequence[float], comparisons: Sequence[Comparison]) -> None:
    """Of each metric, and of each benchmark above its first."""
    axes.set_yticks(places, [f"{one.metric.name} {'↑' if one.metric.higher_is_better else '↓'}" for one in comparisons])
    axes.tick_params(axis="y", length=0)
    before = ""
    for place, comparison in zip(places, comparisons, strict=True):
        if comparison.benchmark != before:
            before = comparison.benchmark
            where = {"transform": axes.get_yaxis_transform(), "va": "center", "ha": "left", "clip_on": False}
            axes.text(-(LEFT - 0.1) / (WIDTH - LEFT - RIGHT), place - 1, before, weight="bold", fontsize=8.5, **where)


def _frame(axes: Any, rows: int, scale: Scale) -> None:
    axes.set_xscale("asinh", linear_width=scale.fine)
    axes.set_xlim(-scale.reach, scale.reach)
    ticks = scale.ticks()
    axes.set_xticks(ticks, [f"{tick:+g}".replace("-", "−") if tick else "0" for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(rows - 0.5, -0.5)
    axes.axvline(0.0, color="#333333", linewidth=0.8)
    axes.set_xlabel(AXIS, fontsize=7.5)
    plain(axes)
    axes.spines["left"].set_visible(False)


def _legend(figure: Any, axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper left", ncols=3, frameon=False, fontsize=8, borderaxespad=0.1)
