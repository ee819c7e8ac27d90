"""What was taken from the samples while they ran, by arm: time by a hypervisor or others, speed by heat or a quota; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from hpcsched.bench.plan import Arm
from hpcsched.bench.result import Result, Sample

NAMES = {Arm.BARE: "bare metal", Arm.CONTAINER: "container", Arm.CONTROL: "control"}
LEAST = 0.0005
"""A share that is shown as more than 0.0%."""
LEAST_OTHERS = 0.03
"""Of a sample. hpcsched's own daemons start it and see it end on the same CPUs: about 1 % of two cores, with samples of 2 s."""


@dataclass(frozen=True, slots=True)
class Taken:
    """`steal`, `others`: shares of each sample's time; `throttled`: times that CPUs were slowed down. Empty: not known."""

    steal: tuple[float, ...]
    others: tuple[float, ...]
    throttled: tuple[int, ...]

    @property
    def stolen(self) -> bool:
        return max(self.steal, default=0.0) >= LEAST

    @property
    def shared(self) -> bool:
        return max(self.others, default=0.0) >= LEAST_OTHERS

    @property
    def slowed(self) -> int:
        return sum(self.throttled)


def taken(samples: Iterable[Sample]) -> dict[Arm, Taken]:
    """Of the samples that count; empty where nothing was taken from any arm."""
    counted = [sample for sample in samples if not sample.warmup]
    found = {arm: _of([sample for sample in counted if sample.arm is arm]) for arm in Arm}
    return found if any(one.stolen or one.shared or one.slowed for one in found.values()) else {}


def _of(samples: Sequence[Sample]) -> Taken:
    return Taken(
        tuple(sample.steal for sample in samples if sample.steal >= 0),
        tuple(sample.others for sample in samples if sample.others >= 0),
        tuple(sample.throttled for sample in samples if sample.throttled >= 0),
    )


def by_benchmark(result: Result) -> dict[str, dict[Arm, Taken]]:
    """Those from which something was taken."""
    of = {about.name: [one for one in result.samples if one.benchmark == about.name] for about in result.benchmarks}
    return {name: found for name, samples in of.items() if (found := taken(samples))}


def disturbed(result: Result) -> Iterable[str]:
    """A sentence for each thing, over the whole run."""
    found = taken(result.samples)
    if any(one.stolen for one in found.values()):
        yield f"A hypervisor took of the samples' time: {_shares({arm: one.steal for arm, one in found.items()})}."
    if any(one.shared for one in found.values()):
        shares = _shares({arm: one.others for arm, one in found.items()})
        yield f"Other processes of the node, or its kernel, ran on the samples' CPUs: {shares}."
    if any(one.slowed for one in found.values()):
        times = ", ".join(f"{NAMES[arm]} {one.slowed:,}" for arm, one in found.items() if one.throttled)
        yield f"CPUs were slowed down, by heat or a quota, so many times: {times}."


def _shares(by_arm: Mapping[Arm, Sequence[float]]) -> str:
    means = ", ".join(f"{NAMES[arm]} {fmean(shares):.1%}" for arm, shares in by_arm.items() if shares)
    return f"{means}; up to {max(max(shares, default=0.0) for shares in by_arm.values()):.1%} of one sample"
