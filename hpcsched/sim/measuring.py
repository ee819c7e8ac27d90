"""Figures as the canaries of a fleet might bring them, with all that makes machines differ from hour to hour."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations and amplitudes as shares of a figure.

    `sigma`: of a sample, from the first to the second, node by node. `freedom`: of Student's t that it has; 3 has heavy tails.
    `outliers`: chance that a sample is up to `outlier` slower. `daily`: amplitude of a day's wave, of all nodes and of each on
    its own. `wander`: of slow changes that last for about `wander_h` hours, node by node. `levels`: of nodes among each other.
    """

    sigma: tuple[float, float] = (0.005, 0.01)
    freedom: float = 3.0
    outliers: float = 0.01
    outlier: float = 0.3
    daily: tuple[float, float] = (0.005, 0.002)
    wander: float = 0.003
    wander_h: float = 20.0
    levels: float = 0.01


@dataclass(frozen=True, slots=True)
class Fault:
    """From `start` on, in seconds, the node is slower by `loss`, which it comes to within `ramp_s`; until `end`."""

    start: float
    loss: float
    ramp_s: float = 0.0
    end: float = math.inf

    def at(self, now: float) -> float:
        if not self.start <= now < self.end:
            return 0.0
        return self.loss * min(1.0, (now - self.start) / self.ramp_s) if self.ramp_s else self.loss


@dataclass(slots=True)
class Machine:
    """`figure(now)` gives one sample around 1, larger is faster; `now` in seconds, which rises."""

    noise: Noise
    seed: int
    faults: tuple[Fault, ...] = ()
    _random: random.Random = field(init=False)
    _sigma: float = field(init=False)
    _level: float = field(init=False)
    _phase: float = field(init=False)
    _wander: float = field(init=False, default=0.0)
    _at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._sigma = self._random.uniform(*self.noise.sigma)
        self._level = self._random.gauss(0.0, self.noise.levels)
        self._phase = self._random.uniform(0.0, 2 * math.pi)

    def figure(self, now: float, common: float = 0.0) -> float:
        """`common`: the level of all nodes, without the day's wave."""
        noise, angle = self.noise, 2 * math.pi * now / DAY_S
        waves = noise.daily[0] * math.sin(angle) + noise.daily[1] * math.sin(angle + self._phase)
        lost = sum(fault.at(now) for fault in self.faults)
        level = common + self._level + waves + self._wandered(now) + self._sampled() + math.log1p(-lost)
        return math.exp(level)

    def _wandered(self, now: float) -> float:
        """An Ornstein-Uhlenbeck process: normal, correlated over `wander_h`."""
        kept = math.exp(-max(0.0, now - self._at) / (3600.0 * self.noise.wander_h))
        self._at = now
        self._wander = kept * self._wander + self.noise.wander * math.sqrt(1 - kept * kept) * self._random.gauss(0.0, 1.0)
        return self._wander

    def _sampled(self) -> float:
        """Student's t scaled to the standard deviation `sigma`, and now and then an outlier."""
        free = self.noise.freedom
        chi = self._random.gammavariate(free / 2, 2.0)
        sample = self._random.gauss(0.0, 1.0) * math.sqrt((free - 2) / chi) * self._sigma
        late = self._random.random() < self.noise.outliers
        return sample - (self._random.uniform(0.0, self.noise.outlier) if late else 0.0)
