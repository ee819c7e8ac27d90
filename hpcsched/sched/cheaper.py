"""The smallest changes to a waiting job that would start it earlier, each tried out with the actual policy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from hpcsched.model.explanation import Change
from hpcsched.model.job import JobSpec
from hpcsched.model.site import PartitionState, Qos
from hpcsched.model.units import format_duration
from hpcsched.sched.partitions import partition_of, partitions
from hpcsched.sched.question import Question
from hpcsched.sched.replay_length import Length

MOST = 5
TRIED = 12
"""Values of an option between its smallest and the one asked for."""
WORTH, WORTH_S = 0.05, 60.0
"""By which part of the wait it must start earlier, and at least by a minute."""
_NICE_S = (
    *(60, 120, 300, 600, 900, 1800, 2700),
    *(hours * 3600 for hours in (1, 1.5, 2, 3, 4, 6, 8, 12, 18, 24, 36, 48, 72, 96, 120, 168, 240, 336)),
)


@dataclass(frozen=True, slots=True)
class _Option:
    """`specs`: from the smallest change to the largest; each `words` says it."""

    specs: tuple[JobSpec, ...]
    words: Callable[[JobSpec], str]


def changes(question: Question, start: float, length: Length, until: float, now_only: bool = False) -> tuple[Change, ...]:
    """`start`: when it is expected to as it is; infinite: nobody knows. One change of each kind, the earliest start first.

    `now_only`: only such as let it start now, which one plan each tells.
    """
    found: list[Change] = []
    for option in _options(question):
        if question.spent() > until or start < question.snapshot.now + WORTH_S:
            break
        change = _starting_now(question, option, until)
        if change is None and not now_only:
            change = _starting_earlier(question, option, start, length, until)
        if change:
            found.append(change)
    return tuple(sorted(found, key=lambda change: change.start)[:MOST])


def _starting_now(question: Question, option: _Option, until: float) -> Change | None:
    at = _first(option.specs, lambda spec: _starts_now(question, spec, until))
    return None if at is None else Change(option.words(option.specs[at]), question.snapshot.now)


def _starting_earlier(question: Question, option: _Option, start: float, length: Length, until: float) -> Change | None:
    """The smallest with which it starts as early as with the largest, if that is worth it."""
    starts: dict[JobSpec, float] = {}

    def start_with(spec: JobSpec) -> float:
        if spec not in starts:
            starts[spec] = _start(question, spec, length, until)
        return starts[spec]

    soonest = start_with(option.specs[-1])
    if soonest > _worth(question.snapshot.now, start):
        return None
    at = _first(option.specs, lambda spec: start_with(spec) <= soonest)
    return None if at is None else Change(option.words(option.specs[at]), start_with(option.specs[at]))


def _worth(now: float, start: float) -> float:
    """The latest start that is worth a change."""
    return math.nextafter(math.inf, 0.0) if math.isinf(start) else start - max(WORTH_S, WORTH * (start - now))


def _first(specs: Sequence[JobSpec], good: Callable[[JobSpec], bool]) -> int | None:
    """The first place that is good, where all behind a good one are; None when the last one is not."""
    if not specs or not good(specs[-1]):
        return None
    low, high = 0, len(specs) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if good(specs[middle]) else (middle + 1, high)
    return high


def _starts_now(question: Question, spec: JobSpec, until: float) -> bool:
    job = replace(question.job, spec=spec)
    return question.replay(lambda job, now: math.inf, until, job).starts_now(job.id)


def _start(question: Question, spec: JobSpec, length: Length, until: float) -> float:
    job = replace(question.job, spec=spec)
    start = question.replay(length, until, job).until(job.id)
    return math.inf if start is None else start


def _options(question: Question) -> Iterator[_Option]:
    spec = question.job.spec
    shorter = [int(seconds) for seconds in _NICE_S if not spec.time_limit_s or seconds < spec.time_limit_s]
    if shorter:
        times = tuple(replace(spec, time_limit_s=seconds) for seconds in reversed(shorter))
        yield _Option(times, lambda spec: f"-t {format_duration(spec.time_limit_s)}")
    if spec.nodes > 1:
        fewer = tuple(replace(spec, nodes=count, max_nodes=max(spec.max_nodes, spec.nodes)) for count in _below(spec.nodes))
        yield _Option(fewer, lambda spec: f"--nodes {spec.nodes}-{spec.max_nodes}")
    if spec.constraint:
        yield _Option((replace(spec, constraint=""),), lambda spec: "without --constraint")
    for name in _other_partitions(question):
        yield _Option((replace(spec, partition=name),), lambda spec: f"--partition {spec.partition}")
    for name in _other_qos(question):
        yield _Option((replace(spec, qos=name),), lambda spec: f"--qos {spec.qos}")


def _below(count: int) -> list[int]:
    """Down to 1, in at most so many steps."""
    step = max(1, (count - 1) // TRIED)
    return sorted({1, *range(count - 1, 0, -step)}, reverse=True)


def _other_partitions(question: Question) -> list[str]:
    """Those that are up and would take the job."""
    spec, site = question.job.spec, question.snapshot.site
    own = partition_of(site, spec.partition)
    return [
        other.name
        for other in partitions(site)
        if other is not own
        and other.state is PartitionState.UP
        and (not other.allow_users or spec.user in other.allow_users)
        and (not other.allow_accounts or spec.account in other.allow_accounts)
        and (not other.allow_qos or (spec.qos or "normal") in other.allow_qos)
        and _within(spec, other.limits.max_time_s, other.limits.max_nodes_per_job)
        and spec.nodes >= other.min_nodes
    ][:MOST]


def _other_qos(question: Question) -> list[str]:
    spec, site = question.job.spec, question.snapshot.site
    partition = partition_of(site, spec.partition)
    return [other.name for other in site.qos if other.name != spec.qos and _allowed(other, spec, partition)][:MOST]


def _allowed(qos: Qos, spec: JobSpec, partition: object) -> bool:
    allowed: tuple[str, ...] = getattr(partition, "allow_qos", ())
    return (not allowed or qos.name in allowed) and _within(spec, qos.limits.max_time_s, qos.limits.max_nodes_per_job)


def _within(spec: JobSpec, max_time_s: int, max_nodes: int) -> bool:
    fits_time = not max_time_s or 0 < spec.time_limit_s <= max_time_s
    return fits_time and (not max_nodes or spec.nodes <= max_nodes)
