"""From samples to comparisons; pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from hpcsched.bench.about import About, Metric
from hpcsched.bench.environment import OF_THE_CONTAINER
from hpcsched.bench.plan import Arm
from hpcsched.bench.result import Sample
from hpcsched.bench.stats import bootstrapped, median, ratio
from hpcsched.bench.verdict import Comparison, compare

Environments = Mapping[str, Mapping[str, str]]


def compare_all(
    abouts: Iterable[About], samples: Sequence[Sample], environments: Environments, seed: int
) -> tuple[Comparison, ...]:
    """One for each metric of each benchmark; warm-up samples do not count."""
    return tuple(found for about in abouts for found in _of_benchmark(about, counted(samples, about.name), environments, seed))


def counted(samples: Iterable[Sample], benchmark: str) -> list[Sample]:
    return [sample for sample in samples if sample.benchmark == benchmark and not sample.warmup]


def _of_benchmark(about: About, samples: Sequence[Sample], environments: Environments, seed: int) -> Iterable[Comparison]:
    if not samples:
        return
    against = objections(samples, environments)
    for metric in about.metrics:
        yield _of_metric(about, metric, samples, against, seed)


def _of_metric(about: About, metric: Metric, samples: Sequence[Sample], against: Sequence[str], seed: int) -> Comparison:
    medians = median(values(samples, metric, Arm.BARE)), median(values(samples, metric, Arm.CONTAINER))
    pairs, equals = paired(samples, metric, Arm.CONTAINER), paired(samples, metric, Arm.CONTROL)
    container = dataclasses.replace(ratio(*pairs), bootstrap=bootstrapped(*pairs, seed=seed))
    control = dataclasses.replace(ratio(*equals), bootstrap=bootstrapped(*equals, seed=seed))
    return compare(about.name, metric, about.margin_of(metric), medians, container, control, against)


def values(samples: Iterable[Sample], metric: Metric, arm: Arm) -> list[float]:
    """In the order of time."""
    return [sample.values[metric.name] for sample in samples if sample.arm is arm and metric.name in sample.values]


def paired(samples: Iterable[Sample], metric: Metric, arm: Arm) -> tuple[list[float], list[float]]:
    """Values of that arm and of bare metal from the blocks that have both."""
    found = {(sample.block, sample.arm): sample.values[metric.name] for sample in samples if metric.name in sample.values}
    both = [block for block, which in found if which is arm and (block, Arm.BARE) in found]
    return [found[block, arm] for block in both], [found[block, Arm.BARE] for block in both]


def objections(samples: Sequence[Sample], environments: Environments) -> tuple[str, ...]:
    """What forbids a comparison of these samples: failures, another binding, another program, machine or library."""
    whole = [sample for sample in samples if not sample.error]
    return (*_failures(samples), *_unread(whole), *_unlike(whole, environments))


def _failures(samples: Sequence[Sample]) -> Iterable[str]:
    failed = [sample for sample in samples if sample.error]
    if failed:
        arms = Counter(str(sample.arm) for sample in failed)
        by_arm = ", ".join(f"{count} {arm}" for arm, count in sorted(arms.items()))
        yield f"{len(failed)} of {len(samples)} samples failed ({by_arm}), the first with: {failed[0].error}"


def _unread(samples: Sequence[Sample]) -> Iterable[str]:
    unread = sum(not sample.cpus or not sample.mems for sample in samples)
    if unread:
        yield f"the kernel's binding was not read back for {unread} of {len(samples)} samples"


def _unlike(samples: Sequence[Sample], environments: Environments) -> Iterable[str]:
    facts = [(sample.arm, _facts(sample, environments)) for sample in samples]
    for name in sorted({name for _, found in facts for name in found}):
        seen = _by_arm(name, facts)
        if len(set().union(*seen.values())) > 1:
            yield f"{name} differs: {_told(seen)}"


def container_differences(samples: Sequence[Sample], environments: Environments) -> tuple[str, ...]:
    """What the container brought with it (limits, capabilities…): part of what is measured, so it is named, no more."""
    facts = [(sample.arm, environments.get(sample.environment, {})) for sample in samples if not sample.error]
    told = ((name, _by_arm(name, facts)) for name in sorted(OF_THE_CONTAINER))
    return tuple(f"{name}: {_told(seen)}" for name, seen in told if len(set().union(*seen.values())) > 1)


def _facts(sample: Sample, environments: Environments) -> dict[str, str]:
    """All that must be the same in every sample."""
    around = {name: value for name, value in environments.get(sample.environment, {}).items() if name not in OF_THE_CONTAINER}
    config = {name: str(value) for name, value in sample.config.items()}
    return {"node": sample.node, "cpus bound": sample.cpus, "mems bound": sample.mems, **around, **config}


def _by_arm(name: str, facts: Sequence[tuple[Arm, Mapping[str, str]]]) -> dict[str, set[str]]:
    """Values seen on bare metal (control included) and in the container."""
    seen: dict[str, set[str]] = {}
    for arm, found in facts:
        side = "container" if arm is Arm.CONTAINER else "bare metal"
        seen.setdefault(side, set()).add(found.get(name, "(none)"))
    return seen


def _told(seen: Mapping[str, set[str]]) -> str:
    return ", ".join(f"{side} {' and '.join(_few(sorted(found)))}" for side, found in sorted(seen.items()))


def _few(values: Sequence[str]) -> Sequence[str]:
    return values if len(values) <= 3 else [*values[:2], f"{len(values) - 2} others"]
