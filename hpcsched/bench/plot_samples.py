"""Every sample in the order of time, one plot for each metric."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hpcsched.bench.about import About, Limit, Metric
from hpcsched.bench.drawing import COLOURS, GREY, LABELS, MARKERS, WIDTH, new_figure, plain, style, svg
from hpcsched.bench.plan import Arm
from hpcsched.bench.result import Result, Sample
from hpcsched.bench.stats import median

COLUMNS = 2
HEIGHT, HEAD, FOOT = 1.45, 0.35, 0.45
LEFT, GAP = 0.75, 0.8
"""Inches, for the figures at the axes."""
MOST_PLOTS = 6
"""Of one drawing: two fit on a page."""
MOST_MARKS = 2000
"""Of one plot that are drawn as lines; more become an image, so that a page stays small."""


@dataclass(frozen=True, slots=True)
class _Plot:
    """One metric of one benchmark: `outliers` are orders of samples."""

    benchmark: str
    metric: Metric
    samples: Sequence[Sample]
    outliers: Collection[int]
    limit: Limit | None
    start: float


def sample_plots(result: Result) -> Iterator[str]:
    """SVG drawings of at most MOST_PLOTS metrics; warm-up samples are hollow, outliers ringed."""
    plots = [plot for about in result.benchmarks for plot in _plots(result, about)]
    for first in range(0, len(plots), MOST_PLOTS):
        yield _drawing(plots[first : first + MOST_PLOTS])


def _plots(result: Result, about: About) -> Iterator[_Plot]:
    taken = [sample for sample in result.samples if sample.benchmark == about.name]
    known = {one.metric.name: one for one in result.comparisons if one.benchmark == about.name}
    for metric in about.metrics if taken else ():
        far = known[metric.name].checks.outliers if metric.name in known else ()
        limit = result.limits.get(about.name, {}).get(metric.name)
        yield _Plot(about.name, metric, taken, far, limit, result.started)


def _drawing(plots: Sequence[_Plot]) -> str:
    rows = math.ceil(len(plots) / COLUMNS)
    height = HEAD + rows * HEIGHT + FOOT
    with style():
        figure = new_figure(height)
        for number, plot in enumerate(plots):
            axes = figure.add_axes(_box(number, height))
            _draw(axes, plot)
            if number >= len(plots) - COLUMNS:
                axes.set_xlabel("minutes since the start of the run", fontsize=7.5, labelpad=1.5)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper left", ncols=6, frameon=False, fontsize=8, borderaxespad=0.1, handletextpad=0.3)
        names = ", ".join(dict.fromkeys(plot.benchmark for plot in plots))
        return svg(figure, f"Every sample of {names}, by arm, in the order of time")


def _box(number: int, height: float) -> tuple[float, float, float, float]:
    """Of the plot in a figure of so many inches."""
    wide = (WIDTH - COLUMNS * LEFT - (COLUMNS - 1) * (GAP - LEFT) - 0.1) / COLUMNS
    left = LEFT + number % COLUMNS * (wide + GAP)
    top = HEAD + number // COLUMNS * HEIGHT + 0.22
    tall = HEIGHT - 0.55
    return left / WIDTH, 1 - (top + tall) / height, wide / WIDTH, tall / height


def _draw(axes: Any, plot: _Plot) -> None:
    for arm in Arm:
        _draw_arm(axes, plot, arm)
    _failures(axes, plot)
    _limit(axes, plot)
    better = "higher" if plot.metric.higher_is_better else "lower"
    axes.set_title(f"{plot.benchmark} {plot.metric.name}", loc="left", fontsize=8.5, weight="bold", pad=3)
    axes.set_title(f"{plot.metric.unit}, {better} is better", loc="right", fontsize=7.5, color=GREY, pad=3)
    axes.ticklabel_format(axis="y", useOffset=False, scilimits=(-4, 8))
    axes.tick_params(labelsize=7.5, length=2.5, pad=2)
    axes.locator_params(axis="y", nbins=4)
    axes.margins(x=0.03, y=0.12)
    plain(axes, grid="y")


def _draw_arm(axes: Any, plot: _Plot, arm: Arm) -> None:
    good = [sample for sample in plot.samples if sample.arm is arm and plot.metric.name in sample.values]
    counted = [sample for sample in good if not sample.warmup]
    _dots(axes, plot, [sample for sample in good if sample.warmup], facecolors="none", edgecolors=COLOURS[arm])
    _dots(axes, plot, counted, color=COLOURS[arm], label=LABELS[arm])
    far = [sample for sample in counted if sample.order in plot.outliers]
    _dots(axes, plot, far, facecolors="none", edgecolors="#1a1a1a", s=60, marker="o", linewidths=0.8)
    centre = median([sample.values[plot.metric.name] for sample in counted])
    if centre is not None:
        axes.axhline(centre, color=COLOURS[arm], linewidth=0.8, alpha=0.8, linestyle="--" if arm is Arm.CONTROL else "-")


def _dots(axes: Any, plot: _Plot, samples: Sequence[Sample], **look: Any) -> None:
    if not samples:
        return
    minutes = [(sample.started - plot.start) / 60 for sample in samples]
    heights = [sample.values[plot.metric.name] for sample in samples]
    marks = {"s": 14, "marker": MARKERS[samples[0].arm], "linewidths": 0.9, "rasterized": len(plot.samples) > MOST_MARKS}
    axes.scatter(minutes, heights, **{**marks, **look})


def _failures(axes: Any, plot: _Plot) -> None:
    for count, sample in enumerate(sample for sample in plot.samples if sample.error):
        label = "failed" if count == 0 else None
        axes.axvline((sample.started - plot.start) / 60, color="#B00020", linewidth=1.0, linestyle=":", label=label)


def _limit(axes: Any, plot: _Plot) -> None:
    """Where it is so near that the samples can still be told apart beside it."""
    values = [sample.values[plot.metric.name] for sample in plot.samples if plot.metric.name in sample.values]
    if plot.limit and values and min(abs(plot.limit.value - value) for value in values) <= max(values) - min(values):
        axes.axhline(plot.limit.value, color="#1a1a1a", linewidth=0.9, linestyle="-.")
