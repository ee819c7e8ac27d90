"""What a run showed and did not show, in few plain words, a benchmark at a time; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hpcsched.bench.about import About
from hpcsched.bench.disturbed import disturbed
from hpcsched.bench.result import Result
from hpcsched.bench.verdict import LEVEL, Comparison, Verdict
from hpcsched.bench.wording import direction, roughly, signed, unsigned
from hpcsched.model.container import HOST
from hpcsched.model.units import format_count

ORDER = (Verdict.DIFFERENT, Verdict.VOID, Verdict.NOT_SHOWN, Verdict.EQUIVALENT)
"""What a reader has to know first comes first."""


@dataclass(frozen=True, slots=True)
class Told:
    """`text` holds of those metrics; `verdict` is None of what is no verdict. `mark`: a word for it."""

    mark: str
    text: str
    metrics: tuple[str, ...] = ()
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Chapter:
    """All of one benchmark. `ended`: why it took no more pairs."""

    about: About
    comparisons: tuple[Comparison, ...] = ()
    told: tuple[Told, ...] = ()
    ended: str = ""


def lead(result: Result) -> str:
    """How often each verdict fell."""
    fallen = Counter(comparison.verdict for comparison in result.comparisons)
    counts = ", ".join(f"{fallen[verdict]} {verdict}" for verdict in Verdict if fallen[verdict])
    files = "" if result.image == HOST else f", both with the files of image {result.image}"
    what = f"Of {format_count(len(result.comparisons), 'metric')}, container against bare metal{files}"
    return f"{what}: {counts or 'none was compared'}."


def mean(result: Result) -> str:
    """Empty where there is none, or one benchmark alone."""
    found = result.summary
    if found is None or len(found.benchmarks) < 2:
        return ""
    span = f"[{found.interval.low:.4f}, {found.interval.high:.4f}]"
    return (
        f"Geometric mean of the speed ratios of {len(found.benchmarks)} benchmarks: {found.ratio:.4f} {span}, "
        "above 1 where the container is faster. It has no verdict."
    )


def chapters(result: Result) -> tuple[Chapter, ...]:
    """In the order of the benchmarks; those that were to be measured, measured or not."""
    return tuple(_chapter(result, about) for about in result.benchmarks)


def _chapter(result: Result, about: About) -> Chapter:
    own = tuple(comparison for comparison in result.comparisons if comparison.benchmark == about.name)
    return Chapter(about, own, tuple(_told(result, about, own)), result.ends.get(about.name, ""))


def _told(result: Result, about: About, own: Sequence[Comparison]) -> Iterable[Told]:
    if about.name in result.failed:
        yield Told("failed", result.failed[about.name])
    if about.name in result.absent:
        yield Told("absent", result.absent[about.name])
    for verdict in ORDER:
        yield from _of_verdict(verdict, [comparison for comparison in own if comparison.verdict is verdict])


def _of_verdict(verdict: Verdict, found: Sequence[Comparison]) -> Iterable[Told]:
    if verdict is Verdict.DIFFERENT:
        yield from (Told(verdict, _different(one), (one.metric.name,), verdict) for one in found)
    else:
        for text, some in _alike(found):
            yield Told(verdict, text, tuple(one.metric.name for one in some), verdict)


def _alike(found: Sequence[Comparison]) -> Iterable[tuple[str, list[Comparison]]]:
    """Comparisons of which the same can be said, and what."""
    groups: dict[str, list[Comparison]] = {}
    for one in found:
        groups.setdefault(_kind(one), []).append(one)
    return ((_text(some) or kind, some) for kind, some in groups.items())


def _kind(one: Comparison) -> str:
    if one.verdict is Verdict.EQUIVALENT:
        return f"{one.margin}"
    if one.verdict is Verdict.VOID or one.ratio.wide is None or not one.pairs_needed:
        return one.reason
    return "unquiet" if one.allowance else "by chance" if _perhaps_by_chance(one) else f"wide {one.margin}"


def _text(some: Sequence[Comparison]) -> str:
    """Empty: the reason that they share says it."""
    first = some[0]
    if first.verdict is Verdict.EQUIVALENT:
        return f"within ±{first.margin:.1%}{_reach(some)}"
    if _kind(first) == first.reason:
        return ""
    if first.allowance:
        most = unsigned(max(one.allowance for one in some))
        return f"bare metal differed from itself by up to {most}, which is added on both sides: the machine was not quiet"
    if _perhaps_by_chance(first):
        exclude, them = ("intervals exclude", "these") if len(some) > 1 else ("the interval excludes", "this")
        chance = f"but of {first.p.family} metrics some do so by chance"
        return f"{exclude} equality{_reach(some)}, {chance}: measure {them} alone, or with more pairs"
    go = "intervals go" if len(some) > 1 else "the interval goes"
    return f"{go} beyond the margin of ±{first.margin:.1%}{_reach(some)}{_takes(some)}"


def _perhaps_by_chance(one: Comparison) -> bool:
    adjusted = one.p.different_adjusted
    return one.ratio.wide is not None and not one.ratio.wide.holds(1.0) and adjusted is not None and adjusted > LEVEL


def _reach(some: Sequence[Comparison]) -> str:
    """How far the 95 % intervals reach, all together."""
    wide = [one.ratio.wide for one in some if one.ratio.wide]
    if not wide:
        return ""
    low, high = min(one.low for one in wide) - 1, max(one.high for one in wide) - 1
    return f" (95 % interval{'s' if len(some) > 1 else ''} from {signed(low)} to {signed(high)})"


def _takes(some: Sequence[Comparison]) -> str:
    most = max(one.pairs_needed for one in some)
    it = "it of each" if len(some) > 1 else "it"
    took = f" ({roughly(most * some[0].pair_s)})" if some[0].pair_s else ""
    measured = f"{some[0].ratio.pairs} were measured"
    return f"; if the arms are equal, about {most:,} pairs{took} would show {it} at this noise, {measured}" if most else ""


def _different(one: Comparison) -> str:
    cause = f"; the container brought a likely cause: {'; '.join(one.causes)}" if one.causes else ""
    return f"{direction(one.metric, one.ratio)} than bare metal{_reach([one])}{cause}"


def remarks(result: Result) -> Iterable[str]:
    """What to know before any figure."""
    yield from _virtual(result)
    yield from disturbed(result)
    if result.handicap:
        yield f"The container was burdened on purpose: {result.handicap}."
    if result.stopped:
        yield f"Ended early: {result.stopped}."


def _virtual(result: Result) -> Iterable[str]:
    """x86 shows programs whether they run on a hypervisor, by a flag of its CPUs."""
    flags = {flag for facts in result.environments.values() for flag in facts.get("cpu_flags", "").split()}
    if "hypervisor" in flags:
        yield "The node is a virtual machine: bare metal means without a container here, not without a hypervisor."
