"""The part of a receipt that was not promised: facts about the container and its node, tunings, and what was sampled."""

from __future__ import annotations

from collections.abc import Iterator

from hpcsched.cli.receipt_fact import NOT_SHOWN, Fact, Verdict, kept, recorded
from hpcsched.model.container import Observed, Rlimit, Sampled, TunedSetting
from hpcsched.model.job import JobSpec

_SECCOMP = {"0": "off", "1": "strict", "2": "filter"}
"""proc(5), /proc/PID/status, Seccomp."""


def recorded_facts(spec: JobSpec, seen: Observed) -> Iterator[Fact]:
    yield recorded("pids", str(seen.pids_max or "no limit"))
    yield recorded("rlimits", _rlimits(seen.rlimits))
    yield recorded("root", seen.root, spec.image)
    yield recorded("cgroup", seen.cgroup)
    yield recorded("device nodes", " ".join(seen.devices))
    yield recorded("capabilities", seen.capabilities)
    yield recorded("seccomp", _SECCOMP.get(seen.seccomp, seen.seccomp))
    yield recorded("speculation", seen.speculation)
    yield recorded("kernel", seen.kernel)
    if seen.drivers:
        yield recorded("drivers", ", ".join(f"{name} {version}" for name, version in seen.drivers))
    yield recorded("clock source", seen.clock_source)
    yield recorded("THP", seen.thp)
    yield recorded("governor", seen.governor)
    yield recorded("NUMA balancing", seen.numa_balancing)


def lacking_facts(lacks: tuple[str, ...]) -> Iterator[Fact]:
    for sentence in lacks:
        yield Fact("lacks", "", "", sentence, Verdict.DEGRADED)


def tuning_facts(settings: tuple[TunedSetting, ...]) -> Iterator[Fact]:
    for one in settings:
        asked = f"{one.asked} (was {one.before})" if one.before else one.asked
        yield Fact(f"tuning {one.name}", asked, "", one.observed or NOT_SHOWN, kept(one.observed == one.asked))


def sampled_facts(sampled: Sampled) -> Iterator[Fact]:
    """Of the whole run."""
    yield recorded("samples", str(sampled.samples))
    yield recorded("misplaced memory", _share(sampled.misplaced))
    yield recorded("migrations", _count(sampled.migrations))
    yield recorded("throttled", _count(sampled.throttled))
    yield recorded("steal", _share(sampled.steal))
    yield recorded("others", _share(sampled.others) if sampled.others >= 0 else "not known")


def _rlimits(limits: tuple[Rlimit, ...]) -> str:
    """`core 0 of unlimited, nofile 20000, unlimited: cpu fsize`."""
    free = " ".join(limit.resource for limit in limits if limit.soft < 0)
    parts = [_rlimit(limit) for limit in limits if limit.soft >= 0]
    return ", ".join([*parts, *([f"unlimited: {free}"] if free else [])])


def _rlimit(limit: Rlimit) -> str:
    hard = "unlimited" if limit.hard < 0 else str(limit.hard)
    return f"{limit.resource} {limit.soft}" + ("" if limit.soft == limit.hard else f" of {hard}")


def _share(value: float) -> str:
    return f"{value:.1%}" if value >= 0 else NOT_SHOWN


def _count(value: int) -> str:
    return str(value) if value >= 0 else NOT_SHOWN
