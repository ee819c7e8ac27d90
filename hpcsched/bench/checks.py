"""What else the samples of one metric show: outliers, drift, autocorrelation. Nothing is dropped because of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from hpcsched.bench.ranks import Floats

FAR = 3.5
"""Of a modified z-score (Iglewicz & Hoaglin 1993): 0.6745 · |x - median| / MAD."""
NOTED = 0.01
"""A drift is spoken of when its p is below; with dozens of metrics, 5 % would always find some."""
WIDENED = 0.2
"""Intervals are widened when p of the autocorrelation is below: a false alarm costs width, a missed one the truth."""
FOUND = 0.05
MOST_LAG = 0.9
SHUFFLES = 999
MOST_POINTS = 1000
"""Of a trend; of more, evenly spaced ones are taken."""


@dataclass(frozen=True, slots=True)
class Trend:
    """`change`: the share by which the values rose or fell over the run; `p`: of no trend at all. None: too few values."""

    change: float | None = None
    p: float | None = None

    @property
    def noted(self) -> bool:
        return self.p is not None and self.p <= NOTED


@dataclass(frozen=True, slots=True)
class Checks:
    """`bare`: the trend of both bare arms, `ratio`: that of the ratio. `lag`: rank correlation of neighbouring ratios,
    `lag_p`: of none, `widened`: the factor by which the intervals were widened for it.

    `outliers`, `beyond`: orders of samples that lie far from their arm's others, and beyond the physical limit.
    """

    bare: Trend = Trend()
    ratio: Trend = Trend()
    lag: float | None = None
    lag_p: float | None = None
    widened: float = 1.0
    outliers: tuple[int, ...] = ()
    beyond: tuple[int, ...] = ()

    def independent(self, pairs: int) -> float:
        """How many independent pairs these are worth, where it is clear that they are not independent."""
        clear = self.lag_p is not None and self.lag_p <= FOUND
        return pairs / self.widened**2 if clear else pairs


def outliers(values: Sequence[float]) -> list[int]:
    """Positions of those far from the median of the logarithms; none where more than half of the values are alike."""
    if not values:
        return []
    off = numpy.abs(numpy.log(values) - numpy.median(numpy.log(values)))
    spread = float(numpy.median(off))
    return [place for place, far in enumerate(off) if 0.6745 * far > FAR * spread > 0]


def trend(values: Sequence[float]) -> Trend:
    """Of positive values in the order of time: Kendall's test (Mann 1945), Theil and Sen's slope of the logarithms."""
    from scipy.stats import kendalltau, theilslopes

    logs = numpy.log(values)[:: math.ceil(len(values) / MOST_POINTS) or 1]
    if len(logs) < 4 or logs.min() == logs.max():
        return Trend()
    places = numpy.arange(len(logs))
    slope = float(theilslopes(logs, places).slope)
    return Trend(math.expm1(slope * (len(logs) - 1)), float(kendalltau(places, logs).pvalue))


def autocorrelation(logs: Floats, seed: int) -> tuple[float, float] | None:
    """Rank correlation of each value with the next, and its one-sided p by shuffling; None: too few, or all equal."""
    from scipy.stats import rankdata

    ranks = rankdata(logs) - (len(logs) + 1) / 2
    if len(ranks) < 6 or not ranks.any():
        return None
    found = _lag(ranks[numpy.newaxis])[0]
    shuffled = numpy.random.default_rng(seed).permuted(numpy.tile(ranks, (SHUFFLES, 1)), axis=1)
    return float(found), (1 + int((_lag(shuffled) >= found - 1e-12).sum())) / (SHUFFLES + 1)


def _lag(ranks: Floats) -> Floats:
    """Of each row."""
    found: Floats = (ranks[:, 1:] * ranks[:, :-1]).sum(axis=1) / (ranks * ranks).sum(axis=1)
    return found


def widening(lag: float, p: float, pairs: int) -> float:
    """The square root of the variance inflation (1 + r) / (1 - r), r freed of its bias (Kendall 1954); 1 where p is large."""
    if p > WIDENED:
        return 1.0
    r = min(max((pairs * lag + 1) / (pairs - 4), 0.0), MOST_LAG)
    return math.sqrt((1 + r) / (1 - r))
