"""Queue and machine over time, and how long jobs waited, for one outcome or several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hpcsched.errors import InvalidValue
from hpcsched.sim.metrics import Floats, Steps, queue_over_time, use_over_time, wait_times
from hpcsched.sim.outcome import Outcome

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
"""Told apart with every kind of colour blindness (Okabe & Ito 2008)."""
STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "hpcsched", "font.family": "sans-serif", "font.size": 9}
FORMS = (".svg", ".png")
POINTS = 1500
FEW_POINTS = 240
"""Of a quantity that goes up and down all the time, so that several lines can be told apart."""
UNITS = ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
MARKS = ((1.0, "1 s"), (60.0, "1 min"), (3600.0, "1 h"), (86400.0, "1 d"), (864000.0, "10 d"), (8640000.0, "100 d"))
"""Waiting times, in seconds."""


def check_plot(path: Path) -> None:
    """Raises InvalidValue when that is no picture, before any work is done for it."""
    if path.suffix.lower() not in FORMS:
        raise InvalidValue(f"cannot plot to {path.name}: name it *.svg or *.png")


def plot(outcomes: Sequence[Outcome], path: Path) -> None:
    """Same outcomes, same file. Raises InvalidValue on another suffix than .svg and .png."""
    check_plot(path)
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figure = _drawn(outcomes)
        form = path.suffix.lower()[1:]
        figure.savefig(path, format=form, dpi=150, metadata={"Date": None} if form == "svg" else {"Software": None})


def _drawn(outcomes: Sequence[Outcome]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 8.0), layout="constrained")
    queue, machine, waits = figure.subplots(3, 1)
    unit_s, unit = _unit(outcomes)
    for outcome, colour in zip(outcomes, COLOURS, strict=False):
        _line(queue, queue_over_time(outcome.ran), colour, outcome.label, POINTS, unit_s)
        _line(machine, use_over_time(outcome.ran), colour, outcome.label, FEW_POINTS, unit_s)
        _share(waits, wait_times(outcome.ran), colour, outcome.label)
    machine.axhline(outcomes[0].processors, color="#777", linewidth=0.8, linestyle=":")
    machine.sharex(queue)
    _name(queue, f"{unit} since the first submission", "jobs that wait (short means)")
    _name(machine, f"{unit} since the first submission", "processors in use (means)")
    _name(waits, "waited at most (less than a second: at the left edge)", "share of jobs")
    waits.set_ylim(0, 1.02)
    _mark_times(waits, max((one.wait_s for outcome in outcomes for one in outcome.ran), default=0.0))
    queue.set_title(f"{outcomes[0].trace.name} on {outcomes[0].processors} processors", loc="left")
    figure.legend(*queue.get_legend_handles_labels(), loc="outside upper right", ncols=4, frameon=False)
    return figure


def _unit(outcomes: Sequence[Outcome]) -> tuple[float, str]:
    """The largest of which the time that is shown has several."""
    ends = [one.end for outcome in outcomes for one in outcome.ran]
    shown_s = max(ends, default=0.0) - min((one.job.submit for outcome in outcomes for one in outcome.ran), default=0.0)
    return next((unit for unit in UNITS if shown_s >= 3 * unit[0]), UNITS[-1])


def _line(axes: Any, steps: Steps, colour: str, label: str, points: int, unit_s: float) -> None:
    if not len(steps.times):
        return
    edges, means = means_between(steps, points)
    axes.stairs(means, (edges - steps.times[0]) / unit_s, baseline=None, color=colour, linewidth=0.9, label=label)


def means_between(steps: Steps, points: int) -> tuple[Floats, Floats]:
    """Edges of at most `points` equal stretches of time, and the mean over each: what a line that is so wide can show."""
    first, last = steps.times[0], max(steps.times[-1], steps.times[0] + 1.0)
    edges = np.linspace(first, last, points + 1)
    area = np.concatenate(([0.0], np.cumsum(steps.heights[:-1] * np.diff(steps.times))))
    within = np.interp(edges, steps.times, area)
    return edges, np.diff(within) / np.diff(edges)


def _share(axes: Any, waits: Floats, colour: str, label: str) -> None:
    if not len(waits):
        return
    at_most = np.maximum(np.sort(waits), 1.0)
    shown = np.unique(np.linspace(0, len(at_most) - 1, POINTS).astype(int))
    axes.step(at_most[shown], (shown + 1) / len(at_most), where="post", color=colour, linewidth=1.2, label=label)


def _mark_times(axes: Any, longest_s: float) -> None:
    axes.set_xscale("log")
    axes.set_xticks([at for at, _ in MARKS], [name for _, name in MARKS])
    axes.minorticks_off()
    axes.set_xlim(0.9, 1.2 * max(60.0, longest_s))


def _name(axes: Any, across: str, up: str) -> None:
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#DDD", linewidth=0.6)
    axes.set_axisbelow(True)
