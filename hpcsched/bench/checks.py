"""What else the samples of one metric show: outliers, drift, autocorrelation. Nothing is dropped because of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trend:
    """`change`: the share by which the values rose or fell over the run; `p`: of no trend at all. None: too few values."""

    change: float | None = None
    p: float | None = None


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
