"""From figures to a verdict, and to the reason why there is none, that says no more than the data."""

from __future__ import annotations

from hpcsched.bench.stats import LEAST_PAIRS
from hpcsched.bench.verdict import Comparison, Figures, Verdict, detectable, judge, pairs_needed, percent, span
from hpcsched.bench.wording import notes, roughly, sentence, too_few, unsigned


def compare(found: Figures) -> Comparison:
    """Any objection makes it void. Too few pairs, also too few independent ones, make it not shown."""
    verdict, reason = _verdict(found)
    return Comparison(
        found.benchmark,
        found.metric,
        found.margin,
        found.bare,
        found.container,
        found.ratio,
        found.control,
        verdict,
        sentence(found, verdict, reason),
        reason,
        pairs_needed(found.ratio, found.margin) if verdict is Verdict.NOT_SHOWN else 0,
        judge(found.control, found.margin, found.control_p.different_adjusted),
        found.p,
        found.control_p,
        detectable(found.ratio),
        found.wanted,
        found.allowance,
        found.checks,
        found.causes,
        tuple(notes(found)),
        found.pair_s,
    )


def _verdict(found: Figures) -> tuple[Verdict, str]:
    if found.objections:
        return Verdict.VOID, "; ".join(found.objections)
    few = _too_few(found)
    if few:
        return Verdict.NOT_SHOWN, few
    adjusted = found.p.different_adjusted
    verdict = judge(found.ratio, found.margin, adjusted, found.allowance)
    return verdict, _why_not_shown(found) if verdict is Verdict.NOT_SHOWN else ""


def _too_few(found: Figures) -> str:
    pairs = found.ratio.pairs
    if pairs < LEAST_PAIRS:
        return f"{too_few(pairs, 'pair')} for an interval, at least {LEAST_PAIRS} are needed"
    independent = found.checks.independent(pairs)
    if independent < LEAST_PAIRS:
        return (
            f"each ratio resembles the one before (correlation {found.checks.lag:.2f}), so that these {pairs} pairs are worth "
            f"about {independent:.0f} independent ones, and at least {LEAST_PAIRS} are needed: measure longer"
        )
    return ""


def _why_not_shown(found: Figures) -> str:
    """The first thing without which it would have been shown."""
    adjusted = found.p.different_adjusted
    if judge(found.ratio, found.margin, adjusted) is not Verdict.NOT_SHOWN:
        return (
            f"bare metal differed from itself ({percent(found.control)}): the machine was not quiet, and "
            f"{unsigned(found.allowance)} had to be added on both sides of {percent(found.ratio)}"
        )
    if adjusted is not None and judge(found.ratio, found.margin) is Verdict.DIFFERENT:
        return (
            f"the 95 % interval {span(found.ratio.wide)} excludes equality, but of {found.p.family} metrics some do so by chance "
            f"(p = {adjusted:.2g} after Holm's correction); measure this one alone or with more pairs"
        )
    return _what_it_takes(found)


def _what_it_takes(found: Figures) -> str:
    needed = pairs_needed(found.ratio, found.margin)
    took = f", {roughly(needed * found.pair_s)} at this pace" if found.pair_s else ""
    return (
        f"the 95 % interval {span(found.ratio.wide)} holds equality and also differences above the margin of {found.margin:.1%}; "
        f"if the arms are equal, about {needed:,} pairs would show it at this noise{took} ({found.ratio.pairs} were measured)"
    )
