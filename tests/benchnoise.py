"""Measurements whose truth is known, with the noise of real machines, for the tests of the harness' statistics."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import permutations

import numpy
from scipy.stats import binomtest

from hpcsched.bench.about import About, Metric
from hpcsched.bench.plan import Arm
from hpcsched.bench.result import Sample

Chance = numpy.random.Generator
Noise = Callable[[Chance, int], numpy.ndarray]
"""Logarithms of so many samples that are taken one after another."""
ABOUT = About("made", "a made-up machine", "this test", (Metric("speed", "1/s"),), margin=0.01)


def normal(chance: Chance, count: int) -> numpy.ndarray:
    return chance.normal(0.0, 1.0, count)


def heavy_tails(chance: Chance, count: int) -> numpy.ndarray:
    return chance.standard_t(3, count)


def slow_now_and_then(chance: Chance, count: int) -> numpy.ndarray:
    return chance.normal(0.0, 0.5, count) - (chance.random(count) < 0.1) * chance.exponential(5.0, count)


def drifting(chance: Chance, count: int) -> numpy.ndarray:
    """First-order autocorrelation of 0.5 on a slope of three standard deviations over the run."""
    return correlated(chance, count, 0.5) + numpy.linspace(0.0, 3.0, count)


def correlated(chance: Chance, count: int, rho: float) -> numpy.ndarray:
    """First-order autocorrelation, before it is scaled."""
    steps = chance.normal(0.0, 1.0, count)
    for place in range(1, count):
        steps[place] += rho * steps[place - 1]
    return steps


NOISES = (normal, heavy_tails, slow_now_and_then, drifting)


def three_arms(chance: Chance, noise: Noise, blocks: int, true: float, sigma: float) -> numpy.ndarray:
    """`blocks` rows of container, bare, control, in random balanced order within each, one after another in time."""
    logs = sigma * noise(chance, 3 * blocks).reshape(blocks, 3)
    places = numpy.array([order for _ in range(-(-blocks // 6)) for order in chance.permutation(list(permutations(range(3))))])
    arms = numpy.take_along_axis(logs, places[:blocks], axis=1)
    arms[:, 0] += math.log(true)
    return numpy.exp(arms)


def measured(chance: Chance, noise: Noise, pairs: int, true: float, sigma: float) -> tuple[list[float], list[float]]:
    """Container and bare metal."""
    arms = three_arms(chance, noise, pairs, true, sigma)
    return arms[:, 0].tolist(), arms[:, 1].tolist()


def samples(arms: numpy.ndarray, metric: str = "speed") -> list[Sample]:
    """Of the made-up benchmark, from rows of container, bare, control."""
    named = (Arm.CONTAINER, Arm.BARE, Arm.CONTROL)
    return [
        Sample(3 * block + place, block, ABOUT.name, arm, False, 0.0, 1.0, 1, "n1", "0", "0", {metric: float(row[place])})
        for block, row in enumerate(arms)
        for place, arm in enumerate(named)
    ]


def assert_at_most(share: float, found: Sequence[bool]) -> None:
    """That the true share of these trials is not above: fails by chance once in a thousand times if it is just that."""
    count = sum(bool(one) for one in found)
    chance = binomtest(count, len(found), share, alternative="greater").pvalue
    assert chance > 0.001, f"{count} of {len(found)}, at most {share:.1%} were allowed"


def assert_at_least(share: float, found: Sequence[bool]) -> None:
    assert_at_most(1.0 - share, [not one for one in found])
