"""From intervals to a verdict, and from a verdict to a sentence that says no more than the data."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

from hpcsched.bench.about import Metric
from hpcsched.bench.checks import Checks
from hpcsched.bench.family import PValues
from hpcsched.bench.stats import LEAST_PAIRS, Interval, Ratio

_Z95, _Z90 = (NormalDist().inv_cdf(level) for level in (0.95, 0.90))


class Verdict(enum.StrEnum):
    """VOID: the arms were not alike, or samples failed, so that no comparison is one."""

    EQUIVALENT = "equivalent"
    DIFFERENT = "different"
    NOT_SHOWN = "not shown"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of one benchmark. `ratio` is container / bare, `control` is bare / bare; medians in the metric's unit.

    `reason`: why it is not shown or void. `sentence`: the verdict in plain words. `pairs_needed`: an estimate of the pairs after
    which equivalence would be shown, if there is any; 0 when it is not asked or cannot be said.

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


def judge(ratio: Ratio, margin: float) -> Verdict:
    """Equivalent by two one-sided tests at 5 % (Schuirmann 1987): the 90 % interval lies within the margin. Different: the 95 %
    interval excludes 1, and equivalence is not shown.
    """
    if ratio.wide is None or ratio.narrow is None:
        return Verdict.NOT_SHOWN
    if ratio.narrow.within(margin):
        return Verdict.EQUIVALENT
    return Verdict.NOT_SHOWN if ratio.wide.holds(1.0) else Verdict.DIFFERENT


def compare(
    benchmark: str,
    metric: Metric,
    margin: float,
    medians: tuple[float | None, float | None],
    ratio: Ratio,
    control: Ratio,
    objections: Sequence[str] = (),
) -> Comparison:
    """`medians` of bare and container. Any objection makes it void, a control that differs makes it not shown."""
    verdict, reason = _verdict(ratio, control, margin, objections)
    needed = pairs_needed(ratio, margin) if verdict is Verdict.NOT_SHOWN else 0
    sentence = _sentence(verdict, reason, benchmark, metric, ratio, margin)
    return Comparison(benchmark, metric, margin, *medians, ratio, control, verdict, sentence, reason, needed)


def _verdict(ratio: Ratio, control: Ratio, margin: float, objections: Sequence[str]) -> tuple[Verdict, str]:
    if objections:
        return Verdict.VOID, "; ".join(objections)
    if ratio.pairs < LEAST_PAIRS:
        return Verdict.NOT_SHOWN, f"{ratio.pairs} pairs are too few for an interval, at least {LEAST_PAIRS} are needed"
    if judge(control, margin) is Verdict.DIFFERENT:
        return Verdict.NOT_SHOWN, f"bare metal differed from itself ({percent(control)}): the machine was not quiet"
    verdict = judge(ratio, margin)
    return verdict, _what_it_takes(ratio, margin) if verdict is Verdict.NOT_SHOWN else ""


def pairs_needed(ratio: Ratio, margin: float) -> int:
    """If the arms are truly equal and the noise stays as it is: pairs after which four runs in five show equivalence. 0: unknown.

    From the half-width h of the 90 % interval at n pairs: n (h / margin)² ((z₉₅ + z₉₀) / z₉₅)² (Schuirmann 1987, large samples).
    """
    if ratio.narrow is None:
        return 0
    half = math.log(ratio.narrow.high / ratio.narrow.low) / 2
    return _two_digits(ratio.pairs * (half / margin * (_Z95 + _Z90) / _Z95) ** 2)


def _two_digits(number: float) -> int:
    """Rounded up; an estimate of that kind has no more digits than two."""
    unit: int = 10 ** max(math.floor(math.log10(max(number, 1.0))) - 1, 0)
    return math.ceil(number / unit) * unit


def _what_it_takes(ratio: Ratio, margin: float) -> str:
    assert ratio.wide is not None
    return (
        f"the 95 % interval {span(ratio.wide)} holds equality and also differences above the margin of {margin:.1%}; "
        f"if the arms are equal, about {pairs_needed(ratio, margin):,} pairs would show it at this noise "
        f"({ratio.pairs} were measured)"
    )


def _sentence(verdict: Verdict, reason: str, benchmark: str, metric: Metric, ratio: Ratio, margin: float) -> str:
    name = f"{benchmark} {metric.name}"
    if verdict is Verdict.VOID:
        return f"{name}: no comparison, because {reason}."
    if verdict is Verdict.NOT_SHOWN:
        return f"{name}: neither equivalence nor a difference was shown: {reason}."
    assert ratio.wide is not None
    if verdict is Verdict.EQUIVALENT:
        return f"{name}: the container is equivalent to bare metal within ±{margin:.1%}; the ratio is {percent(ratio)}."
    return f"{name}: the container is {_direction(metric, ratio)} than bare metal: the ratio is {percent(ratio)}."


def _direction(metric: Metric, ratio: Ratio) -> str:
    assert ratio.estimate is not None
    better = (ratio.estimate > 1.0) == metric.higher_is_better
    return f"{abs(ratio.estimate - 1.0):.2%} {'better' if better else 'worse'}"


def span(interval: Interval) -> str:
    return f"[{interval.low:.4f}, {interval.high:.4f}]"


def percent(ratio: Ratio) -> str:
    """`0.9987 [0.9961, 1.0012]`: the estimate and its 95 % interval."""
    if ratio.estimate is None:
        return "unknown"
    return f"{ratio.estimate:.4f} {span(ratio.wide) if ratio.wide else '(no interval)'}"
