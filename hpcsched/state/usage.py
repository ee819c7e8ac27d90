"""How many node seconds accounts and users have used, halved with every half-life."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from hpcsched.model.container import Phase
from hpcsched.model.job import Job, JobSpec

if TYPE_CHECKING:
    from hpcsched.state.tables import Tables

Key = tuple[str, str]
"""Account and user."""
_FORGOTTEN_S = 1e-3
"""Less is nothing."""


class UsageLedger:
    """Times are Unix seconds. `half_life_s` 0: nothing is ever forgotten."""

    def __init__(self, half_life_s: float) -> None:
        self._half_life_s = half_life_s
        self._used: dict[Key, tuple[float, float]] = {}

    def add(self, key: Key, began: float, ended: float, factor: float = 1.0) -> None:
        """One node from then until then."""
        used, at = self._used.get(key, (0.0, ended))
        later = max(at, ended)
        amount = self.of_run(began, ended) * factor * self._decay(later - ended)
        self._used[key] = used * self._decay(later - at) + amount, later

    def of_run(self, began: float, ended: float) -> float:
        """What one node's time counts at its end: the integral of the decay over it."""
        length = max(0.0, ended - began)
        if not self._half_life_s:
            return length
        rate = math.log(2) / self._half_life_s
        return -math.expm1(-rate * length) / rate

    def at(self, now: float) -> dict[Key, float]:
        found = {key: used * self._decay(now - at) for key, (used, at) in self._used.items()}
        return {key: used for key, used in found.items() if used >= _FORGOTTEN_S}

    def rows(self) -> tuple[tuple[str, str, float, float], ...]:
        """Account, user, node seconds and the time that they are of."""
        return tuple((*key, *used) for key, used in self._used.items())

    def fill(self, rows: Iterable[tuple[str, str, float, float]]) -> None:
        self._used = {(account, user): (used, at) for account, user, used, at in rows}

    def _decay(self, age_s: float) -> float:
        return float(0.5 ** (max(0.0, age_s) / self._half_life_s)) if self._half_life_s else 1.0


class LazyUsage(Mapping[Key, float]):
    """Found when somebody looks at it first; many plans do not."""

    __slots__ = ("_find", "_found")

    def __init__(self, find: Callable[[], dict[Key, float]]) -> None:
        self._find = find
        self._found: dict[Key, float] | None = None

    def _all(self) -> dict[Key, float]:
        if self._found is None:
            self._found = self._find()
        return self._found

    def __getitem__(self, key: Key) -> float:
        return self._all()[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


def charge(tables: Tables, job: Job, now: float, nodes: int = 1) -> None:
    """So many of its nodes are its own no longer. A job in another's container is not charged: that one is. Nor is a canary."""
    if job.worker is None and not job.spec.canary:
        span, factor = _span(job, now), nodes * _factor(tables, job.spec)
        tables.usage.add(_payer(job.spec), *span, factor)
        for key in _limiting(job.spec):
            tables.table_usage.add(key, *span, factor)


def used(tables: Tables, now: float) -> dict[Key, float]:
    """By account and user, what runs now counted in; all who have live jobs are there."""
    found = defaultdict(float, dict.fromkeys(((account, user) for account, _, _, user in tables.live), 0.0))
    found.update(tables.usage.at(now))
    for spec, amount in _running(tables, now):
        found[_payer(spec)] += amount
    return dict(found)


def used_in_tables(tables: Tables, now: float) -> dict[Key, float]:
    """The same by `partition` or `qos`, and its name."""
    found = defaultdict(float, tables.table_usage.at(now))
    for spec, amount in _running(tables, now):
        for key in _limiting(spec):
            found[key] += amount
    return dict(found)


def _running(tables: Tables, now: float) -> Iterator[tuple[JobSpec, float]]:
    for job in tables.active.values():
        if job.spec.canary:
            continue
        nodes = 0 if job.worker else sum(part is None or part.phase is not Phase.EXITED for part in job.parts)
        yield job.spec, nodes * tables.usage.of_run(*_span(job, now)) * _factor(tables, job.spec)


def _span(job: Job, now: float) -> tuple[float, float]:
    """While a job is suspended it uses nothing; what it has used counts as just before."""
    return job.granted_time + job.suspended_s, job.suspend_time or now


def _payer(spec: JobSpec) -> Key:
    return spec.account, spec.user


def _limiting(spec: JobSpec) -> list[Key]:
    return [(kind, name) for kind, name in (("partition", spec.partition), ("qos", spec.qos)) if name]


def _factor(tables: Tables, spec: JobSpec) -> float:
    return next((qos.usage_factor for qos in tables.site.qos if qos.name == spec.qos), 1.0)
