"""One metric of one node over time: whether it has gone slow, against its own history and that of nodes like it.

A figure counts by its logarithm, negative where it is slower, so that 0.03 is three per cent. From each the movement of the
node's class is taken off: what has happened to all is no node's fault. What is left is summed up as Page's cumulative sum of the
log-likelihood ratio of "slower by `loss`" against "as ever" (Page 1954), with the spread of the node's own figures as its
scale (median absolute deviation; Rousseeuw & Croux 1993). Slow samples that come singly are a machine's ordinary life, so one
counts for at most a quarter of an alarm: the clipping of robust control charts (Lucas & Crosier 1982).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

LEARN = 24
"""Figures before any is judged: a day of hourly ones."""
REFERENCE = 168
"""Figures of which the history is made: a week, with its days and nights. It then stays, or slow decay would carry it along."""
ALARM = 14.0
"""Of the sum. By Wald's bound e^-14 of all runs of independent figures that begin anywhere ever come that far."""
FEWEST = 4
"""Slow figures in an alarm."""
RISE = 4.0
"""So many alarms' worth upwards until a faster node is held to what it can do since then."""
FLOOR = 0.003
"""A smaller spread is not believed."""
KEPT = 48
"""Of the latest figures."""
PEERS = 5
"""Nodes of a class that together show how it moves."""
FAR = 6.0
"""Spreads of its class below its class: such a node was slow from the beginning."""
_MAD = 1.4826
_OF_ALARM = ALARM / FEWEST


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric of one canary, as `stream.triad`; `value` in `unit`, above 0."""

    metric: str
    value: float
    unit: str
    higher_is_better: bool = True

    @property
    def level(self) -> float:
        return math.log(self.value) if self.higher_is_better else -math.log(self.value)


@dataclass(slots=True)
class Track:
    """`base`, `recent`: levels, without and with what the class has moved. `spread`: one of a normal distribution."""

    unit: str = ""
    higher_is_better: bool = True
    base: float | None = None
    spread: float = FLOOR
    learnt: list[float] = field(default_factory=list)
    recent: list[float] = field(default_factory=list)
    score: float = 0.0
    rise: float = 0.0
    loss: float = 0.0
    """Of the last figure, against `base`, less what the class has moved."""
    of_class: bool = False
    """`base` is that of its class, far below which it was from the beginning."""

    def hear(self, reading: Reading, movement: float, loss: float, learn: bool) -> None:
        level = reading.level
        self.unit, self.higher_is_better = reading.unit, reading.higher_is_better
        self.recent.append(level)
        del self.recent[:-KEPT]
        if learn and self.score < ALARM / 2 and len(self.learnt) < REFERENCE:
            self._learn(level - movement)
        if self.base is not None:
            self.loss = self.base + movement - level
            self._judge(loss, movement)

    def _learn(self, level: float) -> None:
        self.learnt.append(level)
        if len(self.learnt) % LEARN == 0:
            if not self.of_class:
                self.base = median(self.learnt)
            self.spread = spread(self.learnt)

    def _judge(self, loss: float, movement: float) -> None:
        weight = loss / self.spread**2
        self.score = _summed(self.score, weight * (self.loss - loss / 2))
        self.rise = _summed(self.rise, weight * (-self.loss - loss / 2))
        if self.rise >= RISE * ALARM:
            self._hold_to(median(self.recent[-FEWEST:]) - movement)

    def _hold_to(self, base: float) -> None:
        self.base, self.of_class = base, False
        self.learnt.clear()
        self.forgive()

    def hold_to_class(self, base: float) -> None:
        self.base, self.of_class = base, True

    def forgive(self) -> None:
        """What was summed up came to nothing."""
        self.score = self.rise = 0.0

    @property
    def alarmed(self) -> bool:
        return self.score >= ALARM

    @property
    def z(self) -> float:
        """Robust z of the last figure; below 0 is slower."""
        return -self.loss / self.spread

    @property
    def median(self) -> float:
        """Level of the latest figures: of two days, where they come hourly."""
        return median(self.recent)

    def value(self, level: float) -> float:
        """In the metric's unit."""
        return math.exp(level if self.higher_is_better else -level)


def _summed(score: float, weight: float) -> float:
    return max(0.0, score + max(-_OF_ALARM, min(_OF_ALARM, weight)))


def spread(levels: Sequence[float]) -> float:
    centre = median(levels)
    return max(FLOOR, _MAD * median(abs(level - centre) for level in levels))


def moved(tracks: Iterable[Track]) -> float:
    """What a class has moved since its nodes' histories were made; 0 for one that is too small to tell."""
    found = [track.recent[-1] - track.base for track in tracks if track.base is not None and track.recent]
    return median(found) if len(found) >= PEERS else 0.0


def place_in_class(track: Track, bases: Sequence[float]) -> tuple[float, float] | None:
    """How far the node's history lies below its class's median, and its robust z there; None: too few nodes."""
    if track.base is None or len(bases) < PEERS:
        return None
    below = median(bases) - track.base
    return below, -below / spread(bases)
