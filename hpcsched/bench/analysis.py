"""From samples to comparisons; pure."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hpcsched.bench.about import About, Limit, Metric
from hpcsched.bench.checks import Checks, autocorrelation, outliers, trend, widening
from hpcsched.bench.family import PValues, Summary, adjusted, summarize
from hpcsched.bench.judging import compare
from hpcsched.bench.likeness import Environments, differences, likely_causes, objections
from hpcsched.bench.likeness import container_differences as container_differences
from hpcsched.bench.plan import Arm, Wanted
from hpcsched.bench.ranks import exchanged
from hpcsched.bench.result import Sample
from hpcsched.bench.stats import LEAST_PAIRS, Ratio, bootstrapped, equivalence_p, log_ratios, median, ratio
from hpcsched.bench.verdict import Comparison, Figures, Verdict
from hpcsched.model.units import format_count

Limits = Mapping[str, Mapping[str, Limit]]
BARE_ARMS = (Arm.BARE, Arm.CONTROL)


@dataclass(frozen=True, slots=True)
class _Measured:
    """One benchmark: its counted samples and what is to be known for judging them."""

    about: About
    samples: Sequence[Sample]
    objections: tuple[str, ...]
    causes: tuple[str, ...]
    limits: Mapping[str, Limit]
    wanted: Wanted | None
    seed: int


def compare_all(
    abouts: Iterable[About],
    samples: Sequence[Sample],
    environments: Environments,
    seed: int,
    limits: Limits | None = None,
    wanted: Wanted | None = None,
) -> tuple[Comparison, ...]:
    """One for each metric of each benchmark that has samples; warm-up samples do not count.

    Where only warm-up samples were taken there are no figures, but what forbade to go on is told.
    """
    figures: list[Figures] = []
    for about in abouts:
        own = [sample for sample in samples if sample.benchmark == about.name]
        taken, of_node = counted(own, about.name), (limits or {}).get(about.name, {})
        against = objections(taken, environments) if taken else differences(own, environments)
        measured = _Measured(about, taken, against, likely_causes(taken or own, environments), of_node, wanted, seed)
        figures += [_of_metric(measured, metric) for metric in about.metrics] if taken or against else []
    return tuple(compare(found) for found in _corrected(figures))


def _corrected(figures: Sequence[Figures]) -> Iterable[Figures]:
    """p-values adjusted over all metrics; those of void comparisons tested nothing, and do not count."""
    tested = [PValues() if one.objections else one.p for one in figures]
    controls = [PValues() if one.objections else one.control_p for one in figures]
    for one, p, control_p in zip(figures, adjusted(tested), adjusted(controls), strict=True):
        yield dataclasses.replace(one, p=p, control_p=control_p)


def counted(samples: Iterable[Sample], benchmark: str) -> list[Sample]:
    return [sample for sample in samples if sample.benchmark == benchmark and not sample.warmup]


def _of_metric(of: _Measured, metric: Metric) -> Figures:
    samples, limit, margin = of.samples, of.limits.get(metric.name), of.about.margin_of(metric)
    checks = checked(samples, metric, limit, of.seed)
    return Figures(
        benchmark=of.about.name,
        metric=metric,
        margin=margin,
        bare=median(values(samples, metric, Arm.BARE)),
        container=median(values(samples, metric, Arm.CONTAINER)),
        ratio=_ratio(samples, metric, Arm.CONTAINER, checks.widened, of.seed),
        control=_ratio(samples, metric, Arm.CONTROL, 1.0, of.seed),
        p=_p(samples, metric, margin, Arm.CONTAINER, (*BARE_ARMS, Arm.CONTAINER), checks.widened),
        control_p=_p(samples, metric, margin, Arm.CONTROL, BARE_ARMS, 1.0),
        checks=checks,
        wanted=of.wanted.half_width(margin) if of.wanted else 0.0,
        pair_s=pair_s(samples),
        objections=(*of.objections, *_impossible(checks, metric, limit)),
        causes=of.causes,
    )


def _ratio(samples: Sequence[Sample], metric: Metric, arm: Arm, widened: float, seed: int) -> Ratio:
    pairs = paired(samples, metric, arm)
    return dataclasses.replace(ratio(*pairs, widened=widened), bootstrap=bootstrapped(*pairs, seed=seed))


def pair_s(samples: Sequence[Sample]) -> float:
    """What a block of these samples takes on average; 0 without any."""
    blocks = {sample.block for sample in samples}
    return sum(sample.seconds for sample in samples) / len(blocks) if blocks else 0.0


def _p(samples: Sequence[Sample], metric: Metric, margin: float, arm: Arm, arms: Sequence[Arm], widened: float) -> PValues:
    """All `arms` are alike if `arm` has no effect; None of too few pairs."""
    first, second = paired(samples, metric, arm)
    if len(first) < LEAST_PAIRS:
        return PValues()
    different = exchanged(list(_logs_by_block(samples, metric, arm, arms)))
    return PValues(different, None, equivalence_p(first, second, margin, widened))


def _logs_by_block(
    samples: Iterable[Sample], metric: Metric, arm: Arm, arms: Sequence[Arm]
) -> Iterable[tuple[float, Sequence[float]]]:
    found: dict[int, dict[Arm, float]] = {}
    for sample in samples:
        if sample.arm in arms and metric.name in sample.values:
            found.setdefault(sample.block, {})[sample.arm] = math.log(sample.values[metric.name])
    for logs in found.values():
        if arm in logs:
            yield logs[arm], [value for other, value in logs.items() if other is not arm]


def checked(samples: Sequence[Sample], metric: Metric, limit: Limit | None, seed: int) -> Checks:
    """What else the counted samples of one benchmark show of one metric."""
    pairs = paired(samples, metric, Arm.CONTAINER)
    near = autocorrelation(log_ratios(*pairs), seed) or (None, None)
    lag, p = near
    return Checks(
        bare=trend(
            [sample.values[metric.name] for sample in samples if sample.arm in BARE_ARMS and metric.name in sample.values]
        ),
        ratio=trend([one / other for one, other in zip(*pairs, strict=True)]),
        lag=lag,
        lag_p=p,
        widened=1.0 if lag is None or p is None else widening(lag, p, len(pairs[0])),
        outliers=tuple(sorted(order for arm in Arm for order in _outlying(samples, metric, arm))),
        beyond=tuple(sample.order for sample in samples if limit and _beyond(sample, metric, limit)),
    )


def _outlying(samples: Iterable[Sample], metric: Metric, arm: Arm) -> Iterable[int]:
    own = [sample for sample in samples if sample.arm is arm and metric.name in sample.values]
    return (own[place].order for place in outliers([sample.values[metric.name] for sample in own]))


def _beyond(sample: Sample, metric: Metric, limit: Limit) -> bool:
    value = sample.values.get(metric.name, limit.value)
    return value > limit.value if metric.higher_is_better else value < limit.value


def _impossible(checks: Checks, metric: Metric, limit: Limit | None) -> Iterable[str]:
    if limit and checks.beyond:
        lie = "lies" if len(checks.beyond) == 1 else "lie"
        yield (
            f"{format_count(len(checks.beyond), 'sample')} of {metric.name} {lie} beyond the physical limit of "
            f"{limit.value:.5g} {metric.unit} ({limit.source}): the measurement or the limit is wrong"
        )


def values(samples: Iterable[Sample], metric: Metric, arm: Arm) -> list[float]:
    """In the order of time."""
    return [sample.values[metric.name] for sample in samples if sample.arm is arm and metric.name in sample.values]


def paired(samples: Iterable[Sample], metric: Metric, arm: Arm) -> tuple[list[float], list[float]]:
    """Values of that arm and of bare metal from the blocks that have both."""
    found = {(sample.block, sample.arm): sample.values[metric.name] for sample in samples if metric.name in sample.values}
    both = [block for block, which in found if which is arm and (block, Arm.BARE) in found]
    return [found[block, arm] for block in both], [found[block, Arm.BARE] for block in both]


def summary(abouts: Iterable[About], samples: Sequence[Sample], comparisons: Iterable[Comparison]) -> Summary | None:
    """Over all benchmarks without a void metric."""
    void = {comparison.benchmark for comparison in comparisons if comparison.verdict is Verdict.VOID}
    return summarize({about.name: speeds(about, counted(samples, about.name)) for about in abouts if about.name not in void})


def speeds(about: About, samples: Sequence[Sample]) -> list[float]:
    """Of each block that has all metrics, the mean log speed ratio over them: above 0 where the container was faster."""
    signed = [
        {block: (1 if metric.higher_is_better else -1) * log for block, log in _by_block(samples, metric)}
        for metric in about.metrics
    ]
    whole = [block for block in signed[0] if all(block in logs for logs in signed)] if signed else []
    return [sum(logs[block] for logs in signed) / len(signed) for block in whole]


def _by_block(samples: Iterable[Sample], metric: Metric) -> Iterable[tuple[int, float]]:
    found = {(sample.block, sample.arm): sample.values[metric.name] for sample in samples if metric.name in sample.values}
    for block, arm in found:
        if arm is Arm.CONTAINER and (block, Arm.BARE) in found:
            yield block, math.log(found[block, arm] / found[block, Arm.BARE])
