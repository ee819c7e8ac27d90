"""Comparisons in plain words."""

from __future__ import annotations

from collections.abc import Iterable

from hpcsched.bench.about import Metric
from hpcsched.bench.checks import FOUND, Checks
from hpcsched.bench.stats import Ratio
from hpcsched.bench.verdict import Figures, Verdict, percent
from hpcsched.model.units import format_count


def sentence(found: Figures, verdict: Verdict, reason: str) -> str:
    name = f"{found.benchmark} {found.metric.name}"
    if verdict is Verdict.VOID:
        return f"{name}: no comparison, because {reason}."
    if verdict is Verdict.NOT_SHOWN:
        return f"{name}: neither equivalence nor a difference was shown: {reason}."
    if verdict is Verdict.EQUIVALENT:
        return (
            f"{name}: the container is equivalent to bare metal within ±{found.margin:.1%}; the ratio is {percent(found.ratio)}."
        )
    cause = f" The container brought a likely cause: {'; '.join(found.causes)}." if found.causes else ""
    than = f"{direction(found.metric, found.ratio)} than bare metal"
    return f"{name}: the container is {than}: the ratio is {percent(found.ratio)}.{cause}"


def direction(metric: Metric, ratio: Ratio) -> str:
    assert ratio.estimate is not None
    better = (ratio.estimate > 1.0) == metric.higher_is_better
    return f"{unsigned(ratio.estimate - 1.0)} {'better' if better else 'worse'}"


def notes(found: Figures) -> Iterable[str]:
    """What to know beside the verdict, a sentence each."""
    checks = found.checks
    if found.allowance:
        yield f"Bare metal differed from itself; {unsigned(found.allowance)} was added on both sides before the verdict."
    yield from _drifts(checks)
    if checks.widened > 1.0:
        yield _resemblance(checks)
    if checks.outliers:
        yield f"Far from the others of their arm, and counted like them: {_samples(checks.outliers)}."
    if checks.beyond:
        yield f"Beyond the physical limit: {_samples(checks.beyond)}."


def _resemblance(checks: Checks) -> str:
    clear = checks.lag_p is not None and checks.lag_p <= FOUND
    return (
        f"Neighbouring ratios {'are' if clear else 'may be'} correlated (rank correlation {checks.lag:.2f}): "
        f"intervals are {checks.widened:.2f} times as wide."
    )


def _drifts(checks: Checks) -> Iterable[str]:
    if checks.bare.noted:
        yield f"Bare metal itself {_moved(checks.bare.change)} over the run (p = {checks.bare.p:.1g}); pairs cancel that."
    if checks.ratio.noted:
        yield f"The ratio {_moved(checks.ratio.change)} over the run (p = {checks.ratio.p:.1g}): it is not one number."


def _moved(change: float | None) -> str:
    assert change is not None
    return f"{'rose' if change > 0 else 'fell'} by {unsigned(change)}"


def _samples(orders: tuple[int, ...]) -> str:
    few = ", ".join(map(str, orders[:5]))
    more = f" and {len(orders) - 5} more" if len(orders) > 5 else ""
    return f"sample{'s' if len(orders) > 1 else ''} {few}{more}"


def too_few(count: int, noun: str) -> str:
    """`3 pairs are too few`."""
    return f"{format_count(count, noun)} {'is' if count == 1 else 'are'} too few"


def roughly(seconds: float) -> str:
    """In the largest unit of which there are two or more: an estimate needs no digits."""
    for name, unit in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def signed(share: float) -> str:
    """`+0.12%`, in three digits, or one where they would all be 0; a true minus sign, so that it is seen in small print."""
    text = f"{share:+.{_digits(abs(share))}%}".replace("-", "−")
    return text if text.strip("+−0.%") else "0.00%"


def _digits(share: float) -> int:
    """After the point, in per cent."""
    return next((digits for least, digits in ((0.9995, 0), (0.09995, 1), (0.000095, 2)) if share >= least), 3)


def unsigned(share: float) -> str:
    """Of a difference without its direction."""
    return signed(abs(share)).lstrip("+")
