"""Intervals for the ratio of two arms that were measured in pairs.

The noise of such pairs has heavy tails (a machine is now and then slow, never fast), so the centre is the Hodges-Lehmann
estimate and the interval inverts Wilcoxon's signed-rank test (Hollander, Wolfe & Chicken 2014, section 3.2-3.4). It is exact for
every sample size when the difference of two equally noisy arms is symmetric, which random order in each pair makes it. In
simulation bootstrap intervals (BCa) of the mean cover 72-85 % instead of 90 % at 10 pairs, those of the median 86-88 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

LEAST_PAIRS = 6
"""Below it no distribution-free 95 % interval exists: 2 · 2⁻⁵ > 5 %."""
RESAMPLES = 4999


@dataclass(frozen=True, slots=True)
class Interval:
    """Of a ratio, both ends included."""

    low: float
    high: float

    def within(self, margin: float) -> bool:
        """Whether all of it lies from 1 - margin to 1 + margin."""
        return 1.0 - margin <= self.low and self.high <= 1.0 + margin

    def holds(self, ratio: float) -> bool:
        return self.low <= ratio <= self.high


@dataclass(frozen=True, slots=True)
class Ratio:
    """`first / second` over `pairs` pairs. `wide` is the 95 % interval, `narrow` the 90 % one (two one-sided tests at 5 %).

    All three are None below LEAST_PAIRS, the estimate without any pair. `bootstrap`: the 95 % BCa interval of the
    median, a second opinion that decides nothing.
    """

    pairs: int
    estimate: float | None = None
    wide: Interval | None = None
    narrow: Interval | None = None
    bootstrap: Interval | None = None


def ratio(first: Sequence[float], second: Sequence[float]) -> Ratio:
    """Of positive values, paired by position."""
    import numpy

    logs = _logs(first, second)
    if not len(logs):
        return Ratio(0)
    walsh = _walsh_averages(logs)
    centre = math.exp(float(numpy.median(walsh)))
    if len(logs) < LEAST_PAIRS:
        return Ratio(len(logs), centre)
    wide, narrow = _interval(walsh, len(logs), 0.95), _interval(walsh, len(logs), 0.90)
    return Ratio(len(logs), centre, wide, narrow)


def _logs(first: Sequence[float], second: Sequence[float]) -> list[float]:
    import numpy

    logs: list[float] = (numpy.log(numpy.asarray(first, dtype=float)) - numpy.log(numpy.asarray(second, dtype=float))).tolist()
    return logs


def _walsh_averages(logs: Sequence[float]) -> Sequence[float]:
    """Means of all pairs of values, each with itself as well, sorted."""
    import numpy

    values = numpy.asarray(logs)
    one, other = numpy.triu_indices(len(values))
    averages: list[float] = numpy.sort((values[one] + values[other]) / 2).tolist()
    return averages


def _interval(walsh: Sequence[float], pairs: int, level: float) -> Interval:
    """From the k-th smallest to the k-th largest average, of which the test at `1 - level` rejects none."""
    k = rejected(pairs, (1.0 - level) / 2)
    return Interval(math.exp(walsh[k - 1]), math.exp(walsh[len(walsh) - k]))


@lru_cache(maxsize=1024)
def rejected(pairs: int, tail: float) -> int:
    """The largest k with P(W < k) <= tail, where W is the signed-rank sum of that many pairs without any effect."""
    if pairs > 100:
        return _rejected_many(pairs, tail)
    total, k = 0.0, 0
    for probability in _signed_rank(pairs):
        total += probability
        if total > tail:
            break
        k += 1
    return k


def _rejected_many(pairs: int, tail: float) -> int:
    """Normal approximation; its error is below one rank in a thousand from 100 pairs on."""
    from statistics import NormalDist

    mean = pairs * (pairs + 1) / 4
    deviation = math.sqrt(pairs * (pairs + 1) * (2 * pairs + 1) / 24)
    return math.floor(mean + NormalDist().inv_cdf(tail) * deviation)


@lru_cache(maxsize=128)
def _signed_rank(pairs: int) -> tuple[float, ...]:
    """P(W = 0), P(W = 1), …: each rank is in the sum or not, with a chance of one half."""
    chances = [1.0]
    for rank in range(1, pairs + 1):
        longer = [0.0] * (len(chances) + rank)
        for value, chance in enumerate(chances):
            longer[value] += chance / 2
            longer[value + rank] += chance / 2
        chances = longer
    return tuple(chances)


def bootstrapped(first: Sequence[float], second: Sequence[float], seed: int) -> Interval | None:
    """95 % BCa interval of the median ratio (Efron 1987); None below LEAST_PAIRS, or when resamples vary too little for it."""
    import warnings

    import numpy
    from scipy.stats import bootstrap

    logs = _logs(first, second)
    if len(logs) < LEAST_PAIRS:
        return None
    generator = numpy.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = bootstrap((logs,), numpy.median, confidence_level=0.95, n_resamples=RESAMPLES, method="BCa", rng=generator)
    low, high = (math.exp(float(end)) for end in found.confidence_interval)
    return None if math.isnan(low) or math.isnan(high) else Interval(low, high)


def median(values: Sequence[float]) -> float | None:
    import statistics

    return statistics.median(values) if values else None
