"""What a run could have shown, and what it would take to show the rest; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from hpcsched.bench.verdict import Comparison, Verdict
from hpcsched.bench.wording import roughly, unsigned


def power(comparisons: Iterable[Comparison]) -> Iterable[str]:
    """A sentence for each; none about what there is nothing of."""
    compared = [one for one in comparisons if one.verdict is not Verdict.VOID]
    yield from _could_show({_name(one): one.detectable for one in compared if one.detectable is not None})
    yield from _takes([one for one in compared if one.pairs_needed and not one.allowance])
    yield from _unquiet([one for one in compared if one.pairs_needed and one.allowance])


def _name(one: Comparison) -> str:
    return f"{one.benchmark} {one.metric.name}"


def _could_show(found: dict[str, float]) -> Iterable[str]:
    shares = {share: f"{unsigned(share)} ({name})" for name, share in found.items()}
    if shares:
        middle = f" to {shares[max(shares)]}, median {unsigned(median(found.values()))}" if len(found) > 1 else ""
        yield f"The smallest difference that this run could have shown: {shares[min(shares)]}{middle}."


def _takes(found: Sequence[Comparison]) -> Iterable[str]:
    """Each benchmark as long as its noisiest metric takes, one benchmark after the other."""
    if not found:
        return
    most = {one.benchmark: one for one in sorted(found, key=lambda one: one.pairs_needed)}
    seconds = {name: one.pairs_needed * one.pair_s for name, one in most.items()}
    longest = max(seconds, key=lambda name: seconds[name])
    alone = f" ({longest}: {roughly(seconds[longest])})" if len(most) > 1 else ""
    total = f", {roughly(sum(seconds.values()))} in all at this pace{alone}" if any(seconds.values()) else ""
    yield f"{_what(found)}, if the arms are equal, would take about {_pairs(most.values())}{total}."


def _what(found: Sequence[Comparison]) -> str:
    return f"Equivalence of {f'{len(found)} metrics that were' if len(found) > 1 else f'{_name(found[0])}, which was'} not shown"


def _pairs(most: Iterable[Comparison]) -> str:
    needed = sorted(one.pairs_needed for one in most)
    return f"{needed[0]:,} to {needed[-1]:,} pairs by benchmark" if len(needed) > 1 else f"{needed[0]:,} pairs"


def _unquiet(found: Sequence[Comparison]) -> Iterable[str]:
    """Their noise is not what keeps them from being shown."""
    if found:
        of = f"{len(found)} metrics" if len(found) > 1 else _name(found[0])
        yield f"Equivalence of {of} takes a quieter machine rather than more pairs: bare metal differed from itself."
