"""How much of the future a replay takes at once, so that its budget lasts to where it is to come."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

EXACT_PASSES = 8
"""So many show what a pass costs."""
_SAFE = 0.5
"""The part of the passes that are left which it counts on."""
_SHARE = 0.25
_LEAST_S = 60.0


@dataclass(slots=True)
class Budget:
    """How much may be looked at: a job or a node in one planning pass is one look. `over`: which part of the time is, 0 to 1."""

    looks: int = 1_000_000
    over: Callable[[], float] = lambda: 0.0
    looked: int = 0

    def spend(self, looks: int) -> bool:
        """False: used up."""
        self.looked += looks
        return self.spent <= 1.0

    @property
    def spent(self) -> float:
        """Which part of it is."""
        return max(self.looked / self.looks, self.over())


def grain(passes: int, spent: float, to_come: int, work_s: float, distance_s: float) -> float:
    """Seconds within which ends are taken together; 0: each by itself, as long as the budget is enough for that.

    `passes` have spent that part of the budget. At most `to_come` ends are ahead, in about `work_s` seconds; `distance_s` of the
    future is behind, of which a step is at most a quarter.
    """
    if passes < EXACT_PASSES or spent <= 0.0:
        return 0.0
    left = _SAFE * passes * max(0.0, 1.0 - spent) / spent
    if to_come <= left:
        return 0.0
    wanted = work_s / left if left >= 1.0 else math.inf
    return min(wanted, max(_LEAST_S, _SHARE * distance_s))
