"""Times that a node tells, by the controller's clock."""

from __future__ import annotations

import math
from dataclasses import replace

from hpcsched.model.container import ContainerStatus, WorkStatus

TOLERATED_S = 10.0
"""Clocks that differ by less agree, for a report is under way for a while; what was told then counts as it is."""


def by_our_clock(status: ContainerStatus, ahead_s: float) -> ContainerStatus:
    """`ahead_s`: what our clock is ahead of the node's. A time 0 is none and stays so; one before 1970 cannot be."""
    if not math.isfinite(ahead_s) or abs(ahead_s) < TOLERATED_S:
        return status
    works = tuple(_work(work, ahead_s) for work in status.works)
    start, end = _moved(status.start_time, ahead_s), _moved(status.end_time, ahead_s)
    return replace(status, start_time=start, end_time=end, works=works)


def _work(work: WorkStatus, ahead_s: float) -> WorkStatus:
    return replace(work, start_time=_moved(work.start_time, ahead_s), end_time=_moved(work.end_time, ahead_s))


def _moved(time: float, ahead_s: float) -> float:
    return max(0.0, time + ahead_s) if time else 0.0
