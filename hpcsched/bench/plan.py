"""In which order to measure, and when a benchmark has enough: pure, and the same for the same seed."""

from __future__ import annotations

import enum
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from hpcsched.bench.about import Size

SUITE_BUDGET_S = {Size.QUICK: 60.0, Size.NORMAL: 900.0, Size.FULL: 0.0}
"""For each benchmark of the suite together, where none is named; 0: none."""
PILOT = 8
"""Pairs after which the width of the intervals is believed."""
SLACK = 1.5
"""The container's own interval may be so many times wider than the control's when a benchmark ends early."""
GROWTH = 1.1
"""The width is looked at again when there are so many times more pairs."""


class Arm(enum.StrEnum):
    """CONTROL is bare metal once more: control against bare shows what the machine does to two equal arms."""

    BARE = "bare"
    CONTAINER = "container"
    CONTROL = "control"

    @property
    def runtime(self) -> str:
        return "lxc" if self is Arm.CONTAINER else "baremetal"


@dataclass(frozen=True, slots=True)
class Step:
    """One sample to take. A block holds each arm once for each benchmark."""

    block: int
    benchmark: str
    arm: Arm
    warmup: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """`pairs` blocks after `warmups` discarded ones. `budget_s` 0: as long as it takes; else no block begins that would end
    after it, but `least` blocks are measured in any case.

    A benchmark ends early when the 90 % intervals of all its metrics are as narrow as wanted: `precision` (a share) to each
    side, or half of each metric's margin where it is 0; negative: it never does.
    """

    pairs: int
    warmups: int = 1
    least: int = 6
    budget_s: float = 0.0
    precision: float = 0.0

    def half_width(self, margin: float) -> float:
        """Wanted of a metric with that margin; half of it, so that four of five equal arms are shown to be equivalent."""
        return self.precision if self.precision > 0 else margin / 2


def budget_s(size: Size, benchmarks: int) -> float:
    """Seconds for a run of so many benchmarks where nobody names a budget; 0: none."""
    return SUITE_BUDGET_S[size] * benchmarks


class Schedule:
    """Orders of the arms, for each benchmark from a chance of its own, so that they do not depend on which others still go on.

    They are balanced: six counted blocks in a row use all six orders of three arms once.
    """

    def __init__(self, seed: int, benchmarks: Sequence[str], arms: Sequence[Arm] = tuple(Arm)) -> None:
        self._every = list(arms)
        self._chance = random.Random(seed)
        self._warmup = {name: random.Random(f"{seed} warm-up {name}") for name in benchmarks}
        self._orders = {name: _orders(random.Random(f"{seed} {name}"), self._every) for name in benchmarks}

    def block(self, number: int, going: Sequence[str], warmup: bool) -> tuple[Step, ...]:
        names = self._chance.sample(sorted(going), len(going))
        return tuple(Step(number, name, arm, warmup) for name in names for arm in self._arms(name, warmup))

    def _arms(self, name: str, warmup: bool) -> Sequence[Arm]:
        return self._warmup[name].sample(self._every, len(self._every)) if warmup else next(self._orders[name])


def _orders(chance: random.Random, arms: Sequence[Arm]) -> Iterator[tuple[Arm, ...]]:
    every = list(permutations(arms))
    while True:
        yield from chance.sample(every, len(every))


def blocks(seed: int, benchmarks: Sequence[str], wanted: Wanted) -> Iterator[tuple[Step, ...]]:
    """All blocks if no benchmark ends early, the warm-up ones first."""
    schedule = Schedule(seed, benchmarks)
    for number in range(wanted.warmups + wanted.pairs):
        yield schedule.block(number, benchmarks, number < wanted.warmups)


def fits(measured: int, wanted: Wanted, elapsed_s: float, block_s: float) -> bool:
    """Whether to take another block, which takes `block_s`, when `measured` blocks count so far."""
    over = wanted.budget_s > 0 and elapsed_s + block_s > wanted.budget_s
    return not over or measured < min(wanted.least, wanted.pairs)


def expected(measured: int, wanted: Wanted, elapsed_s: float, block_s: float) -> int:
    """How many counted blocks there will be at this pace."""
    if not wanted.budget_s or not block_s:
        return wanted.pairs
    fitting = measured + int(max(wanted.budget_s - elapsed_s, 0.0) / block_s)
    return min(wanted.pairs, max(fitting, wanted.least, measured))


def look_at(pairs: int, pilot: int) -> bool:
    """Whether the width is looked at after so many pairs: from the pilot on, ever more seldom."""
    due = pilot
    while due < pairs:
        due = max(due + 1, math.ceil(due * GROWTH))
    return due == pairs


def planned(pairs: int, half_width: float, wanted: float) -> int:
    """Pairs at which a half-width seen after `pairs` will have come down to the wanted one: it falls with their square root."""
    return max(math.ceil(pairs * (half_width / wanted) ** 2), 1)
