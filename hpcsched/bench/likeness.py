"""Whether the arms were alike, and in what they were not; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from hpcsched.bench.capabilities import missing
from hpcsched.bench.environment import LIKELY_CAUSES, OF_THE_CONTAINER
from hpcsched.bench.plan import Arm
from hpcsched.bench.result import Sample
from hpcsched.model.units import format_count

Environments = Mapping[str, Mapping[str, str]]
BOUND = ("node", "cpus bound", "mems bound")
"""Told before all others, which often follow from them."""
LONG = 60
"""Characters of a value that is told word by word."""


def differences(samples: Sequence[Sample], environments: Environments) -> tuple[str, ...]:
    """In what the arms were not alike, as far as these samples show; failures do not count."""
    whole = [sample for sample in samples if not sample.error]
    return (*_unread(whole), *_unlike(whole, environments))


def objections(samples: Sequence[Sample], environments: Environments) -> tuple[str, ...]:
    """What forbids a comparison of these samples: failures, another binding, another program, machine or library."""
    return (*_failures(samples), *differences(samples, environments))


def _failures(samples: Sequence[Sample]) -> Iterable[str]:
    failed = [sample for sample in samples if sample.error]
    if failed:
        arms = Counter(str(sample.arm) for sample in failed)
        by_arm = ", ".join(f"{count} {arm}" for arm, count in sorted(arms.items()))
        yield f"{len(failed)} of {format_count(len(samples), 'sample')} failed ({by_arm}), the first with: {failed[0].error}"


def _unread(samples: Sequence[Sample]) -> Iterable[str]:
    unread = sum(not sample.cpus or not sample.mems for sample in samples)
    if unread:
        yield f"the kernel's binding was not read back for {unread} of {format_count(len(samples), 'sample')}"


def _unlike(samples: Sequence[Sample], environments: Environments) -> Iterable[str]:
    facts = [(sample.arm, _facts(sample, environments)) for sample in samples]
    for name in sorted({name for _, found in facts for name in found}, key=lambda name: (name not in BOUND, name)):
        seen = _by_arm(name, facts)
        if len(set().union(*seen.values())) > 1:
            yield f"{name} differs: {_told(seen)}"


def container_differences(samples: Sequence[Sample], environments: Environments) -> tuple[str, ...]:
    """What the container brought with it (capabilities, seccomp…): part of what is measured, so it is named, no more."""
    return _brought(OF_THE_CONTAINER, samples, environments)


def likely_causes(samples: Sequence[Sample], environments: Environments) -> tuple[str, ...]:
    """Those of them that are known to cost speed: a filter of system calls, and the mitigations that it may switch on."""
    return _brought(LIKELY_CAUSES, samples, environments)


def _brought(names: Iterable[str], samples: Sequence[Sample], environments: Environments) -> tuple[str, ...]:
    facts = [(sample.arm, environments.get(sample.environment, {})) for sample in samples if not sample.error]
    told = ((name, _by_arm(name, facts)) for name in sorted(names))
    return tuple(f"{name}: {_told(seen)}{_in_words(name, seen)}" for name, seen in told if len(set().union(*seen.values())) > 1)


def _in_words(name: str, seen: Mapping[str, set[str]]) -> str:
    """What no reader sees in two masks."""
    masks = [seen.get(side, set()) for side in ("container", "bare metal")]
    if name != "capabilities" or any(len(found) != 1 for found in masks):
        return ""
    lacks = missing(*(next(iter(found)) for found in masks))
    return f", which is without {', '.join(lacks)}" if lacks else ""


def _facts(sample: Sample, environments: Environments) -> dict[str, str]:
    """All that must be the same in every sample."""
    around = {name: value for name, value in environments.get(sample.environment, {}).items() if name not in OF_THE_CONTAINER}
    config = {name: str(value) for name, value in sample.config.items()}
    return {**dict(zip(BOUND, (sample.node, sample.cpus, sample.mems), strict=True)), **around, **config}


def _by_arm(name: str, facts: Sequence[tuple[Arm, Mapping[str, str]]]) -> dict[str, set[str]]:
    """Values seen on bare metal (control included) and in the container."""
    seen: dict[str, set[str]] = {}
    for arm, found in facts:
        side = "container" if arm is Arm.CONTAINER else "bare metal"
        seen.setdefault(side, set()).add(found.get(name, "(none)"))
    return seen


def _told(seen: Mapping[str, set[str]]) -> str:
    if any(len(value) > LONG for found in seen.values() for value in found):
        seen = _words_apart(seen)
    return ", ".join(f"{side} {' and '.join(_few(sorted(found)))}" for side, found in sorted(seen.items()))


def _words_apart(seen: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Of long lists, such as the flags of a CPU, only what not all of them have."""
    lists = [value.split() for found in seen.values() for value in found]
    common = set(lists[0]).intersection(*lists)
    return {side: {_without(value, common) for value in found} for side, found in seen.items()}


def _without(value: str, common: set[str]) -> str:
    words = [word for word in value.split() if word not in common]
    return f"… {' '.join(words)[:LONG]}" if words else "… (nothing more)"


def _few(values: Sequence[str]) -> Sequence[str]:
    return values if len(values) <= 3 else [*values[:2], f"{len(values) - 2} others"]
