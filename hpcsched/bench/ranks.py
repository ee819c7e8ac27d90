"""Rank tests and their exact null distributions; where there are too many values to count, normal approximations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy
from numpy.typing import NDArray

Floats = NDArray[numpy.float64]

COUNTED_PAIRS = 100
"""Up to here the signed-rank sum is counted; beyond it the approximation is off by less than one rank in a thousand."""
COUNTED_PRODUCT = 2500
"""Up to this product of two sample sizes the rank sum is counted."""
COUNTED_BLOCKS = 200


@lru_cache(maxsize=1024)
def rejected(pairs: int, tail: float) -> int:
    """The largest k with P(W < k) <= tail, where W is the signed-rank sum of that many pairs without any effect."""
    if pairs > COUNTED_PAIRS:
        return math.floor(_normal_signed_rank(pairs).inv_cdf(tail))
    return _largest(signed_rank(pairs), tail)


@lru_cache(maxsize=1024)
def rejected_unpaired(first: int, second: int, tail: float) -> int:
    """The same of the rank-sum statistic (Mann & Whitney 1947) of two independent samples of these sizes."""
    if first * second > COUNTED_PRODUCT:
        return max(math.floor(_normal_rank_sum(first, second).inv_cdf(tail)), 0)
    return _largest(rank_sum(first, second), tail)


def _largest(chances: Sequence[float], tail: float) -> int:
    total, k = 0.0, 0
    for chance in chances:
        total += chance
        if total > tail:
            break
        k += 1
    return k


def at_most_signed_rank(value: int, pairs: int) -> float:
    """P(W <= value)."""
    if pairs > COUNTED_PAIRS:
        return _normal_signed_rank(pairs).cdf(value + 0.5)
    return min(math.fsum(signed_rank(pairs)[: value + 1]), 1.0)


def at_most_rank_sum(value: int, first: int, second: int) -> float:
    """P(U <= value)."""
    if first * second > COUNTED_PRODUCT:
        return _normal_rank_sum(first, second).cdf(value + 0.5)
    return min(math.fsum(rank_sum(first, second)[: value + 1]), 1.0)


def _normal_signed_rank(pairs: int) -> NormalDist:
    return NormalDist(pairs * (pairs + 1) / 4, math.sqrt(pairs * (pairs + 1) * (2 * pairs + 1) / 24))


def _normal_rank_sum(first: int, second: int) -> NormalDist:
    return NormalDist(first * second / 2, math.sqrt(first * second * (first + second + 1) / 12))


@lru_cache(maxsize=128)
def signed_rank(pairs: int) -> tuple[float, ...]:
    """P(W = 0), P(W = 1), …: each rank is in the sum or not, with a chance of one half."""
    chances = numpy.ones(1)
    for rank in range(1, pairs + 1):
        longer = numpy.zeros(len(chances) + rank)
        longer[: len(chances)] += chances / 2
        longer[rank:] += chances / 2
        chances = longer
    return tuple(chances.tolist())


@lru_cache(maxsize=128)
def rank_sum(first: int, second: int) -> tuple[float, ...]:
    """P(U = 0), P(U = 1), …: every choice of `first` ranks out of all of them is as likely as any other."""
    least = first * (first + 1) // 2
    ways = numpy.zeros((first + 1, least + first * second + 1))
    ways[0, 0] = 1.0
    for rank in range(1, first + second + 1):
        for chosen in range(min(rank, first), 0, -1):
            ways[chosen, rank:] += ways[chosen - 1, : ways.shape[1] - rank]
    found = ways[first, least:]
    return tuple((found / found.sum()).tolist())


def exchanged(blocks: Sequence[tuple[float, Sequence[float]]]) -> float | None:
    """Two-sided p of one arm that differs from the others of its block: in each block its value and those of the others.

    Hodges and Lehmann's aligned ranks (1962). Had the arm no effect, any place in its block would be as likely, since the order
    was drawn: so its rank sum is compared with all of these draws. None without any block.
    """
    whole = [(one, list(others)) for one, others in blocks if others]
    if not whole:
        return None
    ranks = _doubled_ranks(whole)
    own = sum(places[0] for places in ranks)
    if len(ranks) > COUNTED_BLOCKS:
        return _by_moments(own, ranks)
    return _by_counting(own, ranks)


def _doubled_ranks(blocks: Sequence[tuple[float, list[float]]]) -> list[list[int]]:
    """Of all values less their block's mean; doubled, so that ties have whole numbers. The arm's own comes first."""
    from scipy.stats import rankdata

    aligned = [numpy.array([one, *others]) - numpy.mean([one, *others]) for one, others in blocks]
    doubled = iter((2 * rankdata(numpy.round(numpy.concatenate(aligned), 12))).astype(int).tolist())
    return [[next(doubled) for _ in values] for values in aligned]


def _by_counting(own: int, ranks: Sequence[Sequence[int]]) -> float:
    """Sums are taken from the least that is possible on, so that the array stays short."""
    chances, least = numpy.ones(1), sum(min(places) for places in ranks)
    for places in ranks:
        steps = [place - min(places) for place in places]
        longer = numpy.zeros(len(chances) + max(steps))
        for step in steps:
            longer[step : step + len(chances)] += chances / len(places)
        chances = longer
    below, above = chances[: own - least + 1].sum(), chances[own - least :].sum()
    return min(2.0 * float(min(below, above)), 1.0)


def _by_moments(own: int, ranks: Sequence[Sequence[int]]) -> float:
    mean = sum(float(numpy.mean(places)) for places in ranks)
    spread = math.sqrt(sum(float(numpy.var(places)) for places in ranks))
    return 1.0 if not spread else 2.0 * NormalDist().cdf(-abs(own - mean) / spread)
