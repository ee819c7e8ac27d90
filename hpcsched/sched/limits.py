"""Limits on what runs at once, judged while a policy plans: of partitions, QOS, and accounts with all that is below them.

An array counts as one job for each container that runs tasks of it. A small job in a shared container counts as a job; the
container's node counts once, and the container not as a job.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from hpcsched.model.job import Job, JobSpec
from hpcsched.model.snapshot import Snapshot, Wait
from hpcsched.model.units import format_count, format_duration
from hpcsched.sched.fairfactors import User
from hpcsched.sched.site_rules import Counted, Gate, Rules, Table

HOUR = 3600.0
_Key = tuple[str, str, str | None]
"""Kind and name of a table, and a user (None: all users)."""


@dataclass(slots=True)
class _Count:
    jobs: int = 0
    nodes: int = 0


class LimitLedger:
    """Each answer costs the same however many jobs there are."""

    def __init__(self, snapshot: Snapshot, rules: Rules | None = None) -> None:
        self._rules = rules.renewed(snapshot.site) if rules else Rules(snapshot.site)
        self._snapshot = snapshot
        self._counts: dict[_Key, _Count] | None = None
        self._node_seconds: dict[_Key, float] | None = None
        self._waits: dict[tuple[Gate, str, float, int], Wait] = {}

    def why_not(self, job: Job, nodes: int | None = None) -> Wait | None:
        """Which table keeps it from starting now on so many nodes that no one has: 0 for a slot in a container that is there, by
        default the fewest that it asks for.
        """
        rules, spec = self._rules, job.spec
        if rules.settled_nothing and not (spec.partition or spec.qos):
            return None
        return rules.down(spec) or rules.refusal(spec) or self._limited(spec, spec.nodes if nodes is None else nodes)

    def most_nodes(self, job: Job) -> int:
        """How many nodes it may have now, at most what it asks for."""
        spec = job.spec
        gates = [gate for gate in self._rules.gates(spec) if gate.what is Counted.NODES]
        return max(0, min((spec.most_nodes, *(int(gate.most - self._used(gate, spec)) for gate in gates))))

    def spend(self, job: Job, nodes: int) -> None:
        """It starts, on so many nodes that no one had; 0: in a container that is there."""
        for table in self._rules.tables(job.spec):
            for user in (None, job.spec.user):
                count = self._count(table, user)
                count.jobs += 1
                count.nodes += nodes

    def _limited(self, spec: JobSpec, nodes: int) -> Wait | None:
        for gate in self._rules.gates(spec):
            used = self._used(gate, spec)
            if not gate.allows(used, nodes):
                return self._wait(gate, spec, used)
        return None

    def _used(self, gate: Gate, spec: JobSpec) -> float:
        if gate.what is Counted.NODE_HOURS:
            return self._hours(gate.table, spec.user if gate.per_user else None)
        count = self._count(gate.table, spec.user if gate.per_user else None)
        return count.jobs if gate.what is Counted.JOBS else count.nodes

    def _wait(self, gate: Gate, spec: JobSpec, used: float) -> Wait:
        """One for all who wait for the same."""
        key = (gate, spec.user if gate.per_user else "", used, spec.nodes)
        wait = self._waits.get(key)
        if wait is None:
            wait = self._waits[key] = Wait(gate.reason, _sentence(gate, spec, used, self._snapshot.site.half_life_s))
        return wait

    def _count(self, table: Table, user: str | None) -> _Count:
        if self._counts is None:
            self._counts = _counted(self._snapshot.running, self._rules)
        key = (table.kind, table.name, user)
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = _Count()
        return count

    def _hours(self, table: Table, user: str | None) -> float:
        if self._node_seconds is None:
            self._node_seconds = {**_by_table(self._snapshot), **_by_account(self._snapshot.usage, self._rules)}
        return self._node_seconds.get((table.kind, table.name, user), 0.0) / HOUR


def _sentence(gate: Gate, spec: JobSpec, used: float, half_life_s: float) -> str:
    whose = f"{gate.table.kind} {gate.table.name}" + (f", user {spec.user!r}," if gate.per_user else "")
    limit = f"{gate.key} of {gate.table} is {gate.most:g}"
    if gate.what is Counted.JOBS:
        return f"{whose} runs {format_count(round(used), 'job')}, {limit}"
    if gate.what is Counted.NODES:
        return f"{whose} has {format_count(round(used), 'node')} and this job needs {spec.nodes} more, {limit}"
    return f"{whose} has used {used:.4g} node hours, {limit}: {_fades(used / gate.most, half_life_s)}"


def _fades(times: float, half_life_s: float) -> str:
    """So many times the limit was used."""
    if not half_life_s:
        return "nothing of them is ever forgotten"
    return f"they fade below it within {format_duration(half_life_s * math.log2(max(1.0, times)) + 60)} where none are added"


def _counted(running: Iterable[Job], rules: Rules) -> dict[_Key, _Count]:
    counts: dict[_Key, _Count] = {}
    for spec, jobs, nodes in _by_owner(running):
        for table in rules.tables(spec):
            for whose in (None, spec.user):
                count = counts.setdefault((table.kind, table.name, whose), _Count())
                count.jobs += jobs
                count.nodes += nodes
    return counts


def _by_owner(running: Iterable[Job]) -> Iterable[tuple[JobSpec, int, int]]:
    """Jobs and nodes of each owner; the spec stands for all with its partition, QOS, account and user."""
    jobs = [job for job in running if not job.spec.canary]
    small = {job.id for job in jobs if job.worker is not None}
    found: dict[tuple[str, str, str, str], tuple[JobSpec, int, int]] = {}
    for job in jobs:
        spec = job.spec
        owner = (spec.partition, spec.qos, spec.account, spec.user)
        first, count, nodes = found.get(owner, (spec, 0, 0))
        mine = 0 if job.worker is not None or job.allocation is None else len(job.allocation.bindings)
        found[owner] = first, count + _counts_as_job(job, small), nodes + mine
    return found.values()


def _counts_as_job(job: Job, small: Set[int]) -> bool:
    """A worker does where it runs tasks of an array: the small jobs in it count themselves."""
    return not job.is_worker or any(work.job_id not in small for work in job.assigned)


def _by_table(snapshot: Snapshot) -> dict[_Key, float]:
    """Node seconds of each partition and QOS, and of each of their users."""
    found: dict[_Key, float] = {(kind, name, None): used for (kind, name), used in snapshot.table_usage.items()}
    for (table, user), used in snapshot.user_usage.items():
        kind, _, name = table.partition(".")
        found[kind, name, user] = used
    return found


def _by_account(usage: Mapping[User, float], rules: Rules) -> dict[_Key, float]:
    """Node seconds of each account with those below it, and of each of its users."""
    found: dict[_Key, float] = {}
    for (name, user), used in usage.items():
        for account in rules.lineage(name):
            for whose in (None, user):
                key = ("account", account.name, whose)
                found[key] = found.get(key, 0.0) + used
    return found
