"""Verdicts, and the figures that they follow from."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field
from statistics import NormalDist

from hpcsched.bench.about import Metric
from hpcsched.bench.checks import Checks
from hpcsched.bench.family import PValues
from hpcsched.bench.stats import Interval, Ratio

_Z975, _Z95, _Z90, _Z80 = (NormalDist().inv_cdf(level) for level in (0.975, 0.95, 0.90, 0.80))
LEVEL = 0.05


class Verdict(enum.StrEnum):
    """VOID: the arms were not alike, or samples failed, so that no comparison is one."""

    EQUIVALENT = "equivalent"
    DIFFERENT = "different"
    NOT_SHOWN = "not shown"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Figures:
    """What was computed of one metric. `bare`, `container`: medians in its unit. `pair_s`: what one more pair takes.

    `wanted`: the half-width of the 90 % interval at which the benchmark has enough pairs. `objections`: what makes it void.
    `causes`: what the container brought with it, likely causes of a difference.
    """

    benchmark: str
    metric: Metric
    margin: float
    bare: float | None
    container: float | None
    ratio: Ratio
    control: Ratio
    p: PValues = field(default_factory=PValues)
    control_p: PValues = field(default_factory=PValues)
    checks: Checks = field(default_factory=Checks)
    wanted: float = 0.0
    pair_s: float = 0.0
    objections: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()

    @property
    def allowance(self) -> float:
        """By how much bare metal differed from itself, where its 95 % interval says that it did; else 0."""
        control = self.control
        if control.estimate is None or control.wide is None or control.wide.holds(1.0):
            return 0.0
        return math.expm1(abs(math.log(control.estimate)))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of one benchmark. `ratio` is container / bare, `control` is bare / bare; medians in the metric's unit.

    `reason`: why it is not shown or void. `sentence`: the verdict in plain words. `pairs_needed`: an estimate of the pairs after
    which equivalence would be shown, if there is any; 0 when it is not asked or cannot be said. `pair_s`: what one more takes.

    `control_verdict`: bare / bare by the same rule. `detectable`: the smallest true difference (a share) that these data would
    have shown in four runs of five. `wanted`: the half-width of the 90 % interval at which the benchmark has enough pairs.
    `allowance`: the share by which bare metal differed from itself, added on both sides before the verdict. `causes`: what
    the container brought with it, likely causes of a difference. `notes`: a sentence for each thing to know beside the verdict.
    """

    benchmark: str
    metric: Metric
    margin: float
    bare: float | None
    container: float | None
    ratio: Ratio
    control: Ratio
    verdict: Verdict
    sentence: str
    reason: str = ""
    pairs_needed: int = 0
    control_verdict: Verdict = Verdict.NOT_SHOWN
    p: PValues = field(default_factory=PValues)
    control_p: PValues = field(default_factory=PValues)
    detectable: float | None = None
    wanted: float = 0.0
    allowance: float = 0.0
    checks: Checks = field(default_factory=Checks)
    causes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    pair_s: float = 0.0


def judge(ratio: Ratio, margin: float, p: float | None = None, allowance: float = 0.0) -> Verdict:
    """Equivalent by two one-sided tests at 5 % (Schuirmann 1987): the 90 % interval lies within the margin. Different: the 95 %
    interval excludes 1, `p` (adjusted for all metrics) is at most 5 % where it is given, and equivalence is not shown.

    Both intervals are first stretched by the `allowance`.
    """
    if ratio.wide is None or ratio.narrow is None:
        return Verdict.NOT_SHOWN
    if ratio.narrow.stretched(allowance).within(margin):
        return Verdict.EQUIVALENT
    by_chance = p is not None and p > LEVEL
    return Verdict.NOT_SHOWN if by_chance or ratio.wide.stretched(allowance).holds(1.0) else Verdict.DIFFERENT


def pairs_needed(ratio: Ratio, margin: float) -> int:
    """If the arms are truly equal and the noise stays as it is: pairs after which four runs in five show equivalence. 0: unknown.

    From the half-width h of the 90 % interval at n pairs: n (h / margin)² ((z₉₅ + z₉₀) / z₉₅)² (Schuirmann 1987, large samples).
    """
    if ratio.narrow is None:
        return 0
    return two_digits(ratio.pairs * (ratio.narrow.half_width() / margin * (_Z95 + _Z90) / _Z95) ** 2)


def two_digits(number: float) -> int:
    """Rounded up; an estimate of that kind has no more digits than two."""
    unit: int = 10 ** max(math.floor(math.log10(max(number, 1.0))) - 1, 0)
    return math.ceil(number / unit) * unit


def detectable(ratio: Ratio) -> float | None:
    """The true difference, as a share, that excludes equality in four runs of five at this noise and number of pairs."""
    return None if ratio.wide is None else math.expm1(ratio.wide.half_width() * (_Z975 + _Z80) / _Z975)


def span(interval: Interval | None) -> str:
    digits = _digits(interval)
    return f"[{interval.low:.{digits}f}, {interval.high:.{digits}f}]" if interval else "(no interval)"


def _digits(interval: Interval | None) -> int:
    """Such that ends of very narrow intervals differ."""
    return 6 if interval and interval.high - interval.low < 0.0005 else 4


def percent(ratio: Ratio) -> str:
    """`0.9987 [0.9961, 1.0012]`: the estimate and its 95 % interval."""
    return "unknown" if ratio.estimate is None else f"{ratio.estimate:.{_digits(ratio.wide)}f} {span(ratio.wide)}"
