"""The report's two kinds of plots, as SVG text to be put into a page."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from hpcsched.bench.about import About, Metric
from hpcsched.bench.plan import Arm
from hpcsched.bench.result import Result, Sample
from hpcsched.bench.stats import Ratio, median
from hpcsched.bench.verdict import Comparison

COLOURS = {Arm.BARE: "#0072B2", Arm.CONTAINER: "#D55E00", Arm.CONTROL: "#56B4E9"}
"""Told apart with every kind of colour blindness (Okabe & Ito 2008)."""
MARKERS = {Arm.BARE: "o", Arm.CONTAINER: "s", Arm.CONTROL: "^"}
LABELS = {Arm.BARE: "bare metal", Arm.CONTAINER: "container", Arm.CONTROL: "bare metal again (control)"}
STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "hpcsched", "font.family": "sans-serif", "font.size": 9}
WIDTH = 8.4


def samples_svg(result: Result, about: About) -> str:
    """Every sample of one benchmark in the order of time, one plot for each metric; warm-up samples are hollow."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure, rows = _figure(len(about.metrics), 1.9)
        taken = [sample for sample in result.samples if sample.benchmark == about.name]
        for axes, metric in zip(rows, about.metrics, strict=True):
            _draw_samples(axes, taken, metric, result.started)
        rows[-1].set_xlabel("minutes since the start of the run")
        figure.legend(*rows[0].get_legend_handles_labels(), loc="outside upper left", ncols=4, frameon=False)
        return _svg(figure, f"Every sample of {about.name}, by arm, in the order of time")


def _draw_samples(axes: Any, samples: Sequence[Sample], metric: Metric, start: float) -> None:
    for arm in Arm:
        good = [sample for sample in samples if sample.arm is arm and metric.name in sample.values]
        counted = [sample for sample in good if not sample.warmup]
        _dots(axes, [sample for sample in good if sample.warmup], metric, start, facecolors="none", edgecolors=COLOURS[arm])
        _dots(axes, counted, metric, start, color=COLOURS[arm], label=LABELS[arm])
        centre = median([sample.values[metric.name] for sample in counted])
        if centre is not None:
            axes.axhline(centre, color=COLOURS[arm], linewidth=0.8, alpha=0.7, linestyle="--" if arm is Arm.CONTROL else "-")
    _failures(axes, [sample for sample in samples if sample.error], start)
    axes.set_ylabel(f"{metric.name}\n{metric.unit}")
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.set_title(f"{'higher' if metric.higher_is_better else 'lower'} is better", loc="right", fontsize=8, color="#555")
    _plain(axes)


def _dots(axes: Any, samples: Sequence[Sample], metric: Metric, start: float, **look: Any) -> None:
    if samples:
        minutes = [(sample.started - start) / 60 for sample in samples]
        heights = [sample.values[metric.name] for sample in samples]
        axes.scatter(minutes, heights, s=22, marker=MARKERS[samples[0].arm], linewidths=1.0, **look)


def _failures(axes: Any, samples: Sequence[Sample], start: float) -> None:
    for count, sample in enumerate(samples):
        label = "failed" if count == 0 else None
        axes.axvline((sample.started - start) / 60, color="#B00020", linewidth=1.0, linestyle=":", label=label)


def ratios_svg(comparisons: Sequence[Comparison]) -> str:
    """For each metric: container / bare metal and bare metal / bare metal with their intervals, over the margin as a band."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _figure(1, 0.7 + 0.55 * len(comparisons))
        for row, comparison in enumerate(comparisons):
            _band(axes, row, comparison.margin)
            _whisker(axes, row - 0.14, comparison.ratio, Arm.CONTAINER, "container / bare metal" if row == 0 else None)
            _whisker(axes, row + 0.20, comparison.control, Arm.CONTROL, "bare metal / bare metal (control)" if row == 0 else None)
        _ratio_axes(axes, comparisons)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=3, frameon=False)
        return _svg(figure, "Ratios to bare metal with their intervals and margins")


def _band(axes: Any, row: int, margin: float) -> None:
    label = "margin of equivalence" if row == 0 else None
    axes.fill_betweenx(
        [row - 0.42, row + 0.42], -margin * 100, margin * 100, color="#009E73", alpha=0.18, linewidth=0, label=label
    )


def _whisker(axes: Any, height: float, ratio: Ratio, arm: Arm, label: str | None) -> None:
    if ratio.estimate is None:
        return
    for interval, thickness in ((ratio.wide, 1.2), (ratio.narrow, 3.5)):
        if interval is not None:
            ends = [(interval.low - 1) * 100, (interval.high - 1) * 100]
            axes.plot(ends, [height, height], color=COLOURS[arm], linewidth=thickness, solid_capstyle="butt")
    axes.plot((ratio.estimate - 1) * 100, height, MARKERS[arm], color=COLOURS[arm], markersize=6, label=label)


def _ratio_axes(axes: Any, comparisons: Sequence[Comparison]) -> None:
    axes.axvline(0.0, color="#333", linewidth=0.8)
    axes.set_yticks(range(len(comparisons)), [f"{comparison.benchmark} {comparison.metric.name}" for comparison in comparisons])
    axes.set_ylim(len(comparisons) - 0.5, -0.5)
    low, high = _range(comparisons)
    axes.set_xlim(low - 0.06 * (high - low), high + 0.06 * (high - low))
    axes.set_xlabel("difference from bare metal in %; thin line: 95 % interval, thick line: 90 % interval")
    _plain(axes)


def _range(comparisons: Sequence[Comparison]) -> tuple[float, float]:
    """What has to be seen, in per cent: margins, estimates and intervals."""
    ratios = [ratio for comparison in comparisons for ratio in (comparison.ratio, comparison.control)]
    points = [ratio.estimate - 1.0 for ratio in ratios if ratio.estimate is not None]
    points += [end - 1.0 for ratio in ratios if ratio.wide is not None for end in (ratio.wide.low, ratio.wide.high)]
    points += [side * comparison.margin for comparison in comparisons for side in (-1, 1)]
    return 100 * min(points), 100 * max(points)


def _figure(rows: int, height: float) -> tuple[Any, Sequence[Any]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 0.6 + height * rows), layout="constrained")
    return figure, list(figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0])


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis="x", color="#DDD", linewidth=0.6)


def _svg(figure: Any, title: str) -> str:
    """Only the element itself, wide as the page, with a title for readers that do not see it."""
    body = io.StringIO()
    figure.savefig(body, format="svg", metadata={"Date": None})
    text = body.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return re.sub(r'^<svg ([^>]*?)width="[^"]*" height="[^"]*"', rf'<svg role="img" aria-label="{title}" \1', text, count=1)
