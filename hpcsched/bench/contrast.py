"""Two runs against each other: two nodes, two images, before and after; pure.

The samples of two runs are not paired. An interval tells the noise within each run, and nothing of what else changed between
them; the row `container / bare` is the exception, for what changed for both arms cancels out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hpcsched.bench.about import Metric
from hpcsched.bench.analysis import BARE_ARMS, counted, paired, values
from hpcsched.bench.family import holm
from hpcsched.bench.plan import Arm
from hpcsched.bench.result import Result, Sample
from hpcsched.bench.stats import LEAST_PAIRS, Ratio, median, unpaired
from hpcsched.bench.verdict import Verdict, detectable, judge, span
from hpcsched.bench.wording import too_few

OVERHEAD = "container / bare"
Series = Callable[[Sequence[Sample], Metric], list[float]]
SERIES: Mapping[str, Series] = {
    "bare": lambda samples, metric: [value for arm in BARE_ARMS for value in values(samples, metric, arm)],
    "container": lambda samples, metric: values(samples, metric, Arm.CONTAINER),
    OVERHEAD: lambda samples, metric: _ratios(samples, metric),
}
"""What is compared of each metric: both bare arms together, the container, and the ratio within each block."""


@dataclass(frozen=True, slots=True)
class Row:
    """`ratio` is second / first, unpaired; `first`, `second`: medians in the metric's unit (of `container / bare`: shares),
    `samples`: of both. `p`: of no difference (Mann & Whitney 1947), `p_adjusted`: Holm's over all rows.
    `detectable`: see `Comparison`.
    """

    benchmark: str
    metric: Metric
    arm: str
    margin: float
    first: float | None
    second: float | None
    samples: tuple[int, int]
    ratio: Ratio
    verdict: Verdict
    reason: str = ""
    p: float | None = None
    p_adjusted: float | None = None
    detectable: float | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact of which the two runs hold different values."""

    name: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Contrast:
    """`only`: benchmarks and metrics that one run has and the other has not, by the run: `first`, `second`."""

    first: str
    second: str
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    only: dict[str, tuple[str, ...]] = field(default_factory=dict)


def contrast(first: Result, second: Result, names: tuple[str, str] = ("first", "second")) -> Contrast:
    """Of all metrics that both have, at the margin of the first run."""
    shared = [key for key in _metrics(first) if key in _metrics(second)]
    drafts = [_draft(first, second, key, arm) for key in shared for arm in SERIES]
    rows = tuple(_judged(drafts, _forbids(first, second)))
    return Contrast(*names, rows, tuple(_differences(first, second, {name for name, _ in shared})), _only(first, second))


def _metrics(result: Result) -> dict[tuple[str, str], tuple[Metric, float]]:
    return {(one.benchmark, one.metric.name): (one.metric, one.margin) for one in result.comparisons}


def _draft(first: Result, second: Result, key: tuple[str, str], arm: str) -> Row:
    metric, margin = _metrics(first)[key]
    before, after = (SERIES[arm](counted(result.samples, key[0]), metric) for result in (first, second))
    found = unpaired(after, before)
    return Row(
        benchmark=key[0],
        metric=metric,
        arm=arm,
        margin=margin,
        first=median(before),
        second=median(after),
        samples=(len(before), len(after)),
        ratio=found,
        verdict=Verdict.NOT_SHOWN,
        p=_p(before, after),
        detectable=detectable(found),
    )


def _ratios(samples: Sequence[Sample], metric: Metric) -> list[float]:
    return [one / other for one, other in zip(*paired(samples, metric, Arm.CONTAINER), strict=True)]


def _p(before: Sequence[float], after: Sequence[float]) -> float | None:
    from scipy.stats import mannwhitneyu

    if min(len(before), len(after)) < LEAST_PAIRS:
        return None
    return float(mannwhitneyu(before, after).pvalue)


def _judged(drafts: Sequence[Row], forbids: str) -> Iterable[Row]:
    adjusted = iter(holm([row.p for row in drafts if row.p is not None]))
    for row in drafts:
        corrected = replace(row, p_adjusted=None if row.p is None else next(adjusted))
        yield replace(corrected, verdict=Verdict.VOID, reason=forbids) if forbids else _with_verdict(corrected)


def _with_verdict(row: Row) -> Row:
    verdict = judge(row.ratio, row.margin, row.p_adjusted)
    return replace(row, verdict=verdict, reason=_why(row) if verdict is Verdict.NOT_SHOWN else "")


def _why(row: Row) -> str:
    if row.ratio.wide is None:
        few = too_few(min(row.samples), "sample")
        return f"{few} for an interval, at least {LEAST_PAIRS} are needed in each run"
    if row.ratio.wide.holds(1.0):
        return f"the 95 % interval {span(row.ratio.wide)} holds equality and also differences above the margin"
    return f"the 95 % interval {span(row.ratio.wide)} excludes equality, but of so many rows some do so by chance"


def _forbids(first: Result, second: Result) -> str:
    if first.size is not second.size:
        return f"one run is of size {first.size}, the other of size {second.size}: not the same work"
    burdened = first.handicap or second.handicap
    return f"in one run the container was burdened on purpose: {burdened}" if burdened else ""


def _differences(first: Result, second: Result, benchmarks: Collection[str]) -> Iterable[Difference]:
    """In the samples of these benchmarks, and in all that holds of a whole run."""
    before, after = _facts(first, benchmarks), _facts(second, benchmarks)
    for name in sorted({*before, *after}):
        one, other = before.get(name, "(none)"), after.get(name, "(none)")
        if one != other:
            yield Difference(name, one, other)


def _facts(result: Result, benchmarks: Collection[str]) -> dict[str, str]:
    """Every value that was seen in the run of what it says of nodes, environments, settings and versions."""
    seen: dict[str, set[str]] = {}
    for name, value in _named(result, [sample for sample in result.samples if sample.benchmark in benchmarks]):
        seen.setdefault(name, set()).add(value)
    return {name: " / ".join(sorted(found)) for name, found in seen.items()}


def _named(result: Result, samples: Sequence[Sample]) -> Iterable[tuple[str, str]]:
    yield from (("size", str(result.size)), ("image", result.image))
    for node in result.nodes:
        yield from (("node", node.name), ("node cpu model", node.cpu_model), ("node cores", str(node.cores)))
        yield "node memory", str(node.memory)
    yield from ((f"version of {name}", version) for name, version in result.versions.items())
    for key in {sample.environment for sample in samples}:
        yield from result.environments.get(key, {}).items()
    for sample in samples:
        yield from ((f"{sample.benchmark} {name}", str(value)) for name, value in sample.config.items())
        yield from ((name, value) for name, value in (("cpus bound", sample.cpus), ("mems bound", sample.mems)) if value)


def _only(first: Result, second: Result) -> dict[str, tuple[str, ...]]:
    one, other = _metrics(first), _metrics(second)
    found = {"first": [key for key in one if key not in other], "second": [key for key in other if key not in one]}
    return {side: tuple(" ".join(key) for key in keys) for side, keys in found.items() if keys}
