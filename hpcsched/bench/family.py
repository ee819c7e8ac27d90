"""Several metrics at once: p-values that know of each other, and the only mean of ratios that is a mean."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsched.bench.stats import Interval


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
