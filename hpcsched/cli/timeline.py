"""A replayed plan as bars over time, for a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence

from hpcsched.model.explanation import Planned
from hpcsched.model.units import format_duration

WIDTH = 40
"""Characters from now to the last time shown."""
RUNS, STARTS, TURNS, GOES_ON = "█", "▒", "░", "→"


def drawn(planned: Sequence[Planned], job_id: int, now: float) -> list[str]:
    """A heading, and a line for each job, that of `job_id` marked; a job without an end runs off the edge."""
    if not planned:
        return []
    until = _until(planned, now)
    names = [f"{'>' if item.job_id == job_id else ' '} {item.job_id or 'it'} {item.name[:16]}" for item in planned]
    counts = [f"{item.nodes} {'node' if item.nodes == 1 else 'nodes'}" for item in planned]
    left, right = max(map(len, names)), max(map(len, counts))
    heading = (
        " " * (left + right + 4)
        + f"{_clock(now, until - now)}{_clock(until, until - now):>{WIDTH - len(_clock(now, until - now))}}"
    )
    lines = [
        f"{name:<{left}}  {count:>{right}}  {_bar(item, now, until)}  {_when(item, now, until)}".rstrip()
        for name, count, item in zip(names, counts, planned, strict=True)
    ]
    return [heading, *lines]


def _until(planned: Sequence[Planned], now: float) -> float:
    """A bit after the last start, and after ends that are not far behind it."""
    last = max((item.start for item in planned), default=now)
    ends = [item.end for item in planned if item.end]
    return max(now + 60, last + max(60.0, (last - now) / 2), min(ends, default=now))


def _bar(item: Planned, now: float, until: float) -> str:
    def place(moment: float) -> int:
        return min(WIDTH, max(0, round((moment - now) / (until - now) * WIDTH)))

    first, last = place(item.start), place(item.end or until)
    bar = (TURNS if item.tasks else RUNS if item.running else STARTS) * max(1, last - first)
    off_edge = not item.end or item.end > until
    drawn_bar = (" " * min(first, WIDTH - 1) + bar)[:WIDTH]
    return f"{drawn_bar[:-1] + GOES_ON if off_edge else drawn_bar:<{WIDTH}}"


def _when(item: Planned, now: float, until: float) -> str:
    span = until - now
    if item.gives_way:
        since = "" if item.running else f"starts {_soon(item, span, now)}, "
        return f"{since}gives its nodes up by {_clock(item.end, span)}"
    end = f"ends by {_clock(item.end, span)}" if item.end else "end not known"
    if item.running:
        return end
    if item.tasks:
        last = f"all ended by {_clock(item.end, span)}" if item.end else "end not known"
        return f"starts {_soon(item, span, now)}, {item.tasks} tasks, {last}"
    length = f" for {format_duration(item.end - item.start)}" if item.end else ", end not known"
    return f"starts {_soon(item, span, now)}{length}"


def _soon(item: Planned, span: float, now: float) -> str:
    return "now" if item.start - now < 1.5 else _clock(item.start, span)


def _clock(unix_s: float, span: float) -> str:
    """As exact as the whole span asks for."""
    form = "%H:%M:%S" if span < 1800 else "%H:%M" if span < 86400 else "%a %H:%M" if span < 6 * 86400 else "%Y-%m-%d"
    return time.strftime(form, time.localtime(unix_s))
