"""From intervals to a verdict, and from a verdict to a sentence that says no more than the data."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

from hpcsched.bench.about import Metric
from hpcsched.bench.stats import LEAST_PAIRS, Interval, Ratio


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
    which equivalence or a difference would be shown, 0 when there is none.
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
    sentence = _sentence(verdict, reason, metric, ratio, margin)
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
    """With noise and centre as they look now: pairs for a 90 % interval within the margin or, where the centre is outside, for
    a 95 % interval without 1. Widths shrink with the square root of the number of pairs. 0: cannot be said.
    """
    if ratio.estimate is None or ratio.wide is None or ratio.narrow is None:
        return 0
    off = abs(ratio.estimate - 1.0)
    kept, room = (ratio.narrow, margin - off) if off < margin else (ratio.wide, off)
    reach = max(kept.high - ratio.estimate, ratio.estimate - kept.low)
    times = math.inf if room <= 0 else (reach / room) ** 2
    return math.ceil(ratio.pairs * times) if times < 1e4 else 0


def _what_it_takes(ratio: Ratio, margin: float) -> str:
    needed = pairs_needed(ratio, margin)
    assert ratio.wide is not None
    seen = f"the interval {span(ratio.wide)} holds both equality and differences above the margin of {margin:.1%}"
    if not needed:
        return f"{seen}; the estimate lies at the margin, where no number of pairs decides"
    return f"{seen}; about {needed} pairs would decide at this noise, {ratio.pairs} were measured"


def _sentence(verdict: Verdict, reason: str, metric: Metric, ratio: Ratio, margin: float) -> str:
    name = f"{metric.name} ({metric.unit})"
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
