"""Nodes that fail and come back, by chance and yet the same each time."""

from __future__ import annotations

import random
from dataclasses import dataclass

MIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Failures:
    """`mtbf_s`: how long a node works between two failures on average, `repair_s`: how long it is away; both exponential."""

    mtbf_s: float
    repair_s: float = 3600.0
    seed: int = 0


class Chance:
    """Draws one after the other; the order of the calls decides which node gets which."""

    def __init__(self, failures: Failures) -> None:
        self._failures, self._random = failures, random.Random(failures.seed)

    def works_s(self) -> float:
        return max(MIN_SECONDS, self._random.expovariate(1 / self._failures.mtbf_s))

    def away_s(self) -> float:
        return max(MIN_SECONDS, self._random.expovariate(1 / self._failures.repair_s))
