"""In which order to measure: pure, and the same for the same seed."""

from __future__ import annotations

import enum
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations


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


def blocks(seed: int, benchmarks: Sequence[str], wanted: Wanted) -> Iterator[tuple[Step, ...]]:
    """All blocks, the warm-up ones first. Orders are balanced: six blocks in a row use all six orders of three arms once."""
    chance = random.Random(seed)
    orders = {name: _orders(chance) for name in benchmarks}
    for number in range(wanted.warmups + wanted.pairs):
        names = chance.sample(list(benchmarks), len(benchmarks))
        warmup = number < wanted.warmups
        yield tuple(Step(number, name, arm, warmup) for name in names for arm in next(orders[name]))


def _orders(chance: random.Random) -> Iterator[tuple[Arm, ...]]:
    every = list(permutations(Arm))
    while True:
        yield from chance.sample(every, len(every))


def enough(measured: int, wanted: Wanted, elapsed_s: float, block_s: float) -> bool:
    """Whether to stop before the next block: `measured` blocks count so far, the last one took `block_s`."""
    if measured >= wanted.pairs:
        return True
    over = wanted.budget_s > 0 and elapsed_s + block_s > wanted.budget_s
    return over and measured >= min(wanted.least, wanted.pairs)


def expected(measured: int, wanted: Wanted, elapsed_s: float, block_s: float) -> int:
    """How many counted blocks there will be at this pace."""
    if not wanted.budget_s or not block_s:
        return wanted.pairs
    fitting = measured + int(max(wanted.budget_s - elapsed_s, 0.0) / block_s)
    return min(wanted.pairs, max(fitting, wanted.least, measured))
