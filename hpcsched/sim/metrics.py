"""What a simulation says in figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpcsched.sim.outcome import Outcome, Ran, Span

TAU_S = 10.0
"""Jobs shorter than that count as that long in bounded slowdown (Feitelson, Metrics for parallel job scheduling, 2001)."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class UserFigures:
    user: str
    jobs: int
    mean_wait_s: float
    mean_bounded_slowdown: float
    processor_hours: float


@dataclass(frozen=True, slots=True)
class Figures:
    """`jobs` that ran to their end; `lost` to failures of nodes or to other jobs, `refused` by the site's limits, `stuck`: never
    started; only the first are in the means. `utilisation`: processor seconds used, also in vain, of those between the first
    submission and the last end; `wasted_hours`: processor hours used in vain. `preemptions`: how often a job gave nodes up.
    `fairness`: Jain's index over the users' mean bounded slowdowns, 1: all alike (Jain, Chiu & Hawe, DEC-TR-301, 1984).
    Queue lengths in jobs.
    """

    label: str
    trace: str
    processors: int
    jobs: int
    lost: int
    refused: int
    stuck: int
    mean_wait_s: float
    median_wait_s: float
    p95_wait_s: float
    max_wait_s: float
    mean_bounded_slowdown: float
    median_bounded_slowdown: float
    p95_bounded_slowdown: float
    max_bounded_slowdown: float
    utilisation: float
    makespan_s: float
    mean_queue: float
    max_queue: int
    fairness: float
    failures: int
    preemptions: int
    wasted_hours: float
    passes: int
    took_s: float
    users: tuple[UserFigures, ...] = ()
    """The worst mean bounded slowdown first."""


def figures(outcome: Outcome) -> Figures:
    done = [ran for ran in outcome.ran if not ran.lost]
    waits, slowdowns = wait_times(done), bounded_slowdowns(done)
    begin, end = _span(outcome.ran)
    users = _by_user(done, slowdowns)
    queue = queue_over_time(outcome.ran)
    return Figures(
        label=outcome.label,
        trace=outcome.trace.name,
        processors=outcome.processors,
        jobs=len(done),
        lost=len(outcome.ran) - len(done),
        refused=sum(count for _, count in outcome.refused),
        stuck=outcome.stuck,
        mean_wait_s=_mean(waits),
        median_wait_s=_quantile(waits, 0.5),
        p95_wait_s=_quantile(waits, 0.95),
        max_wait_s=_quantile(waits, 1.0),
        mean_bounded_slowdown=_mean(slowdowns),
        median_bounded_slowdown=_quantile(slowdowns, 0.5),
        p95_bounded_slowdown=_quantile(slowdowns, 0.95),
        max_bounded_slowdown=_quantile(slowdowns, 1.0),
        utilisation=_used(outcome.ran) / (outcome.processors * (end - begin)) if end > begin else 0.0,
        makespan_s=end - begin,
        mean_queue=queue.mean(),
        max_queue=int(queue.heights.max(initial=0)),
        fairness=jain([user.mean_bounded_slowdown for user in users]),
        failures=outcome.failures,
        preemptions=outcome.preemptions,
        wasted_hours=math.fsum(one.wasted_s * one.job.processors for one in outcome.ran) / 3600,
        passes=outcome.passes,
        took_s=outcome.took_s,
        users=users,
    )


def wait_times(ran: Sequence[Ran]) -> Floats:
    return np.array([one.wait_s for one in ran], dtype=np.float64)


def bounded_slowdowns(ran: Sequence[Ran]) -> Floats:
    """Time in the system over run time, both at least `TAU_S` for the latter, and never below 1."""
    stay = np.array([one.end - one.job.submit for one in ran], dtype=np.float64)
    runs = np.array([one.run_s for one in ran], dtype=np.float64)
    result: Floats = np.maximum(stay / np.maximum(runs, TAU_S), 1.0)
    return result


@dataclass(frozen=True, slots=True)
class Steps:
    """A quantity that has the value `heights[i]` from `times[i]` until the next; `times` rise."""

    times: Floats
    heights: Floats

    def mean(self) -> float:
        """Over time, from the first change to the last."""
        if len(self.times) < 2 or self.times[-1] == self.times[0]:
            return 0.0
        return float(np.dot(self.heights[:-1], np.diff(self.times)) / (self.times[-1] - self.times[0]))


def queue_over_time(ran: Sequence[Ran]) -> Steps:
    """Jobs that wait."""
    return _steps([(span, 1.0) for one in ran for span in one.waited()])


def use_over_time(ran: Sequence[Ran]) -> Steps:
    """Processors that jobs have asked for and have."""
    return _steps([(span, float(one.job.processors)) for one in ran for span in one.busy()])


def _steps(spans: Sequence[tuple[Span, float]]) -> Steps:
    """How much of it there is at each time."""
    times = np.array([*(begin for (begin, _), _ in spans), *(end for (_, end), _ in spans)], dtype=np.float64)
    changes = np.array([*(weight for _, weight in spans), *(-weight for _, weight in spans)], dtype=np.float64)
    moments, where = np.unique(times, return_inverse=True)
    return Steps(moments, np.cumsum(np.bincount(where, weights=changes, minlength=len(moments))))


def jain(values: Sequence[float]) -> float:
    """(sum x)^2 / (n sum x^2): from 1/n, where one has all, to 1, where all have the same."""
    squares = math.fsum(value * value for value in values)
    return math.fsum(values) ** 2 / (len(values) * squares) if squares else 1.0


def _by_user(ran: Sequence[Ran], slowdowns: Floats) -> tuple[UserFigures, ...]:
    places: dict[str, list[int]] = {}
    for place, one in enumerate(ran):
        places.setdefault(one.job.user, []).append(place)
    found = [_of_user(user, [ran[at] for at in mine], slowdowns[mine]) for user, mine in places.items()]
    return tuple(sorted(found, key=lambda user: (-user.mean_bounded_slowdown, user.user)))


def _of_user(user: str, ran: Sequence[Ran], slowdowns: Floats) -> UserFigures:
    return UserFigures(user, len(ran), _mean(wait_times(ran)), _mean(slowdowns), _used(ran) / 3600)


def _used(ran: Sequence[Ran]) -> float:
    return math.fsum((end - begin) * one.job.processors for one in ran for begin, end in one.busy())


def _span(ran: Sequence[Ran]) -> tuple[float, float]:
    return min((one.job.submit for one in ran), default=0.0), max((one.end for one in ran), default=0.0)


def _mean(values: Floats) -> float:
    return math.fsum(values) / len(values) if len(values) else 0.0


def _quantile(values: Floats, share: float) -> float:
    return float(np.quantile(values, share)) if len(values) else 0.0
