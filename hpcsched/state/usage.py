"""How many node seconds accounts and users have used, halved with every half-life."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from hpcsched.model.container import Phase
from hpcsched.model.job import Job, JobSpec

if TYPE_CHECKING:
    from hpcsched.state.tables import Tables

Key = tuple[str, str]
"""Account and user, or two other words."""
_FORGOTTEN_S = 1e-3
"""Less is nothing."""


class UsageLedger:
    """Times are Unix seconds. `half_life_s` 0: nothing is ever forgotten."""

    def __init__(self, half_life_s: float) -> None:
        self._half_life_s = half_life_s
        self._rate = math.log(2) / half_life_s if half_life_s else 0.0
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
        return -math.expm1(-self._rate * length) / self._rate if self._rate else length

    def at(self, now: float) -> dict[Key, float]:
        found = {key: used * self._decay(now - at) for key, (used, at) in self._used.items()}
        return {key: used for key, used in found.items() if used >= _FORGOTTEN_S}

    def rows(self) -> tuple[tuple[str, str, float, float], ...]:
        """The two words of the key, node seconds and the time that they are of."""
        return tuple((*key, *used) for key, used in self._used.items())

    def fill(self, rows: Iterable[tuple[str, str, float, float]]) -> None:
        self._used = {(first, second): (used, at) for first, second, used, at in rows}

    def _decay(self, age_s: float) -> float:
        return float(0.5 ** (max(0.0, age_s) / self._half_life_s)) if self._half_life_s else 1.0


class LazyUsage(Mapping[Key, float]):
    """Found when somebody looks at it first; many plans do not."""

    __slots__ = ("_find", "_found", "_now", "_tables")

    def __init__(self, find: Callable[[Tables, float], dict[Key, float]], tables: Tables, now: float) -> None:
        self._find, self._tables, self._now = find, tables, now
        self._found: dict[Key, float] | None = None

    def _all(self) -> dict[Key, float]:
        if self._found is None:
            self._found = self._find(self._tables, self._now)
        return self._found

    def __getitem__(self, key: Key) -> float:
        return self._all()[key]

    def get(self, key: Key, default: Any = None) -> Any:
        return self._all().get(key, default)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


def charge(tables: Tables, job: Job, now: float, nodes: int = 1) -> None:
    """So many of its nodes are its own no longer. A job in another's container is not charged: that one is. Nor is a canary."""
    if job.worker is None and not job.spec.canary:
        span, factor = _span(job, now), nodes * _factor(tables, job.spec)
        tables.usage.add(_payer(job.spec), *span, factor)
        if job.spec.partition or job.spec.qos:
            _charge_tables(tables, job.spec, span, factor)


def _charge_tables(tables: Tables, spec: JobSpec, span: tuple[float, float], factor: float) -> None:
    for key in _limiting(spec):
        tables.table_usage.add(key, *span, factor)
    for key in _limiting_user(spec):
        tables.user_usage.add(key, *span, factor)


class _Run(NamedTuple):
    """What of a running job's use does not change with time. `nodes`: those that it still has."""

    job: Job
    payer: Key
    limiting: tuple[Key, ...]
    limiting_user: tuple[Key, ...]
    nodes: int
    since: float
    until: float
    factor: float


class Runs:
    """Of running jobs, each looked at once as long as it stays the same object."""

    def __init__(self) -> None:
        self._known: dict[int, _Run] = {}

    def of(self, tables: Tables) -> list[_Run]:
        """In the order of `tables.active`."""
        known, found = self._known.get, list[_Run]()
        for job in tables.active.values():
            if job.spec.canary:
                continue
            run = known(id(job))
            found.append(run if run is not None and run.job is job else _run(tables, job))
        self._known = {id(run.job): run for run in found}
        return found


def _run(tables: Tables, job: Job) -> _Run:
    nodes = 0 if job.worker else sum(part is None or part.phase is not Phase.EXITED for part in job.parts)
    keys = _payer(job.spec), _limiting(job.spec), _limiting_user(job.spec)
    return _Run(job, *keys, nodes, *_span(job, 0.0), _factor(tables, job.spec))


def used(tables: Tables, now: float) -> dict[Key, float]:
    """By account and user, what runs now counted in; all who have live jobs are there."""
    found = defaultdict(float, dict.fromkeys([(account, user) for account, _, _, user in tables.live], 0.0))
    found.update(tables.usage.at(now))
    for run, amount in _running(tables, now):
        found[run.payer] += amount
    return dict(found)


def used_in_tables(tables: Tables, now: float) -> dict[Key, float]:
    """The same by `partition` or `qos`, and its name."""
    return _with_running(tables, tables.table_usage, now, lambda run: run.limiting)


def used_by_users(tables: Tables, now: float) -> dict[Key, float]:
    """The same by `partition.NAME` or `qos.NAME`, and user."""
    return _with_running(tables, tables.user_usage, now, lambda run: run.limiting_user)


def _with_running(tables: Tables, ledger: UsageLedger, now: float, keys: Callable[[_Run], tuple[Key, ...]]) -> dict[Key, float]:
    found = defaultdict(float, ledger.at(now))
    for run, amount in _running(tables, now):
        for key in keys(run):
            found[key] += amount
    return dict(found)


def _running(tables: Tables, now: float) -> Iterator[tuple[_Run, float]]:
    of_run = tables.usage.of_run
    for run in tables.runs.of(tables):
        yield run, run.nodes * of_run(run.since, run.until or now) * run.factor


def _span(job: Job, now: float) -> tuple[float, float]:
    """While a job is suspended it uses nothing; what it has used counts as just before."""
    return job.granted_time + job.suspended_s, job.suspend_time or now


def _payer(spec: JobSpec) -> Key:
    return spec.account, spec.user


def _limiting(spec: JobSpec) -> tuple[Key, ...]:
    return tuple([(kind, name) for kind, name in (("partition", spec.partition), ("qos", spec.qos)) if name])


def _limiting_user(spec: JobSpec) -> tuple[Key, ...]:
    return tuple([(f"{kind}.{name}", spec.user) for kind, name in _limiting(spec)])


def _factor(tables: Tables, spec: JobSpec) -> float:
    return next((qos.usage_factor for qos in tables.site.qos if qos.name == spec.qos), 1.0) if tables.site.qos else 1.0
