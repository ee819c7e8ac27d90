"""How near each arm comes to what the hardware cannot pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hpcsched.bench.about import Limit, Metric
from hpcsched.bench.drawing import COLOURS, GREY, LABELS, WIDTH, new_figure, plain, style, svg
from hpcsched.bench.plan import Arm
from hpcsched.bench.result import Result

ROW, HEAD, FOOT = 0.42, 0.35, 0.5
LEFT, RIGHT = 2.1, 1.9
ROOM = 0.15
"""A bar of that share of the limit has room for its figure."""


@dataclass(frozen=True, slots=True)
class Distance:
    """`bare`, `container`: shares of the limit that the medians reach; 1 is the limit itself, whichever way is better."""

    benchmark: str
    metric: Metric
    limit: Limit
    bare: float | None
    container: float | None


def distances(result: Result) -> tuple[Distance, ...]:
    """Of every metric of which a limit is known."""
    return tuple(_distances(result))


def _distances(result: Result) -> Iterator[Distance]:
    for one in result.comparisons:
        limit = result.limits.get(one.benchmark, {}).get(one.metric.name)
        if limit and limit.value > 0 and (one.bare or one.container):
            shares = (_share(value, limit, one.metric) for value in (one.bare, one.container))
            yield Distance(one.benchmark, one.metric, limit, *shares)


def _share(value: float | None, limit: Limit, metric: Metric) -> float | None:
    if not value:
        return None
    return value / limit.value if metric.higher_is_better else limit.value / value


def limit_plot(found: Sequence[Distance]) -> str:
    """A pair of bars for each."""
    height = HEAD + len(found) * ROW + FOOT
    with style():
        figure = new_figure(height)
        box = (LEFT / WIDTH, FOOT / height, 1 - (LEFT + RIGHT) / WIDTH, len(found) * ROW / height)
        axes = figure.add_axes(box)
        for row, distance in enumerate(found):
            _bar(axes, row - 0.17, distance.bare, Arm.BARE, first=row == 0)
            _bar(axes, row + 0.17, distance.container, Arm.CONTAINER, first=row == 0)
            _limit(axes, row, distance)
        _frame(axes, found)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper left", ncols=3, frameon=False, fontsize=8, borderaxespad=0.1)
        return svg(figure, "Share of the physical limit that each arm reaches")


def _bar(axes: Any, height: float, share: float | None, arm: Arm, first: bool) -> None:
    if share is None:
        return
    axes.barh(height, share * 100, height=0.3, color=COLOURS[arm], label=LABELS[arm] if first else None)
    inside = share > ROOM
    look = {"color": "white", "ha": "right"} if inside else {"color": "#1a1a1a", "ha": "left"}
    axes.text(share * 100 + (-0.8 if inside else 0.8), height, f"{share:.1%}", va="center", fontsize=7, **look)


def _limit(axes: Any, row: int, distance: Distance) -> None:
    text = f"limit {distance.limit.value:.4g} {distance.metric.unit}"
    axes.text(1.03, row, text, transform=axes.get_yaxis_transform(), va="center", fontsize=7.5, color=GREY, clip_on=False)


def _frame(axes: Any, found: Sequence[Distance]) -> None:
    most = max(share for distance in found for share in (distance.bare, distance.container) if share is not None)
    axes.set_xlim(0, max(108, most * 108))
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_yticks(range(len(found)), [f"{distance.benchmark} {distance.metric.name}" for distance in found])
    axes.tick_params(axis="y", length=0)
    axes.axvline(100, color="#1a1a1a", linewidth=0.9, linestyle="-.")
    axes.set_xlabel("% of the physical limit", fontsize=7.5)
    plain(axes)
