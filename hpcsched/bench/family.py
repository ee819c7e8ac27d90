"""Several metrics at once: p-values that know of each other, and the only mean of ratios that is a mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy

from hpcsched.bench.stats import LEAST_PAIRS, Interval


@dataclass(frozen=True, slots=True)
class PValues:
    """p-values of one metric: `different`: of equal arms; `equivalent`: of arms that differ by the margin or more.

    `adjusted`: Holm's, over the `family` of all metrics that were tested in the run. None: too few pairs.
    """

    different: float | None = None
    different_adjusted: float | None = None
    equivalent: float | None = None
    equivalent_adjusted: float | None = None
    family: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """Geometric mean of the benchmarks' speed ratios, container / bare (above 1: the container is faster), its 95 % interval.

    Each of `benchmarks` counts once, whatever the number of its metrics. It has no verdict.
    """

    ratio: float
    interval: Interval
    benchmarks: tuple[str, ...]


def holm(values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the same order (Holm 1979): whoever rejects those at most 5 % errs in at most 5 % of such families."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    adjusted, least = [0.0] * len(values), 0.0
    for passed, place in enumerate(order):
        least = max(least, min((len(values) - passed) * values[place], 1.0))
        adjusted[place] = least
    return adjusted


def adjusted(found: Sequence[PValues]) -> list[PValues]:
    """With Holm's values over all that were tested."""
    different = _holm_of([one.different for one in found])
    equivalent = _holm_of([one.equivalent for one in found])
    family = sum(one.different is not None for one in found)
    return [
        PValues(one.different, changed, one.equivalent, alike, family)
        for one, changed, alike in zip(found, different, equivalent, strict=True)
    ]


def _holm_of(values: Sequence[float | None]) -> list[float | None]:
    made = iter(holm([value for value in values if value is not None]))
    return [None if value is None else next(made) for value in values]


def pairs_for(metrics: int) -> int:
    """Pairs from which on one metric among so many can be called different at all: 2 · 3⁻ⁿ has to pass Holm's first step."""
    return max(LEAST_PAIRS, math.ceil(math.log(max(metrics, 1) * 2 / 0.05) / math.log(3)))


def summarize(logs: Mapping[str, Sequence[float]]) -> Summary | None:
    """Of each benchmark's log speed ratios, block by block; None without a benchmark that has LEAST_PAIRS of them.

    The interval is Welch and Satterthwaite's: benchmarks are independent, blocks are not shared out between them.
    """
    from scipy.stats import t

    used = {name: numpy.asarray(values) for name, values in logs.items() if len(values) >= LEAST_PAIRS}
    if not used:
        return None
    centre = float(numpy.mean([values.mean() for values in used.values()]))
    parts = [(float(values.var(ddof=1)) / len(values) / len(used) ** 2, len(values) - 1) for values in used.values()]
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / sum(part**2 / free for part, free in parts) if variance else 1.0
    half = float(t.ppf(0.975, freedom)) * math.sqrt(variance)
    return Summary(math.exp(centre), Interval(math.exp(centre - half), math.exp(centre + half)), tuple(used))
