"""How long jobs are thought to run in a replay."""

from __future__ import annotations

import math
from collections.abc import Callable

from hpcsched.model.job import Job

Length = Callable[[Job, float], float]
"""For how many seconds more a job runs at that time, which is that of its start or later; infinite: it does not end."""


def to_the_limit(job: Job, now: float) -> float:
    """It runs as long as it may."""
    return limit_left(job, now)


def part_of_the_limit(fraction: float) -> Length:
    """It runs that part of what it may; one that has run longer, that part of what is left."""

    def length(job: Job, now: float) -> float:
        left = limit_left(job, now)
        ran = job.spec.time_limit_s - left
        return fraction * job.spec.time_limit_s - ran if ran < fraction * job.spec.time_limit_s else fraction * left

    return length


def limit_left(job: Job, now: float) -> float:
    if not job.spec.time_limit_s:
        return math.inf
    began = job.start_time or job.granted_time or now
    return max(0.0, began + job.suspended_s + job.spec.time_limit_s - now)
