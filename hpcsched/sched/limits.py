"""Limits on what runs at once, judged while a policy plans: of partitions, QOS, and accounts with all that is below them.

An array counts as one job for each container that runs tasks of it. A small job in a shared container counts as a job; the
container's node counts once, and the container not as a job.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hpcsched.model.job import Job, JobSpec
from hpcsched.model.site import Limits
from hpcsched.model.snapshot import Snapshot, Wait
from hpcsched.sched.fairshare import User
from hpcsched.sched.site_rules import Rules, Table

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
        self._node_seconds: dict[tuple[str, str], float] | None = None

    def why_not(self, job: Job) -> Wait | None:
        """Which table keeps it from starting on `nodes` nodes now."""
        rules, spec = self._rules, job.spec
        if rules.settled_nothing and not (spec.partition or spec.qos):
            return None
        return rules.down(spec) or rules.refusal(spec) or self._limited(spec)

    def most_nodes(self, job: Job) -> int:
        """How many nodes it may have now, at most what it asks for."""
        room = [job.spec.most_nodes]
        for table in self._rules.tables(job.spec):
            for most, user in _node_limits(table.limits, job.spec.user):
                room.append(most - self._count(table, user).nodes)
        return max(0, min(room))

    def spend(self, job: Job, nodes: int) -> None:
        """It starts, on so many nodes that no one had; 0: in a container that is there."""
        for table in self._rules.tables(job.spec):
            for user in (None, job.spec.user):
                count = self._count(table, user)
                count.jobs += 1
                count.nodes += nodes

    def _limited(self, spec: JobSpec) -> Wait | None:
        for table in self._rules.tables(spec):
            wait = next(self._waits(spec, table), None)
            if wait:
                return wait
        return None

    def _waits(self, spec: JobSpec, table: Table) -> Iterator[Wait]:
        limits, reasons = table.limits, table.reasons
        for most, user, key in (
            (limits.max_jobs, None, "max_jobs"),
            (limits.max_jobs_per_user, spec.user, "max_jobs_per_user"),
        ):
            if most and self._count(table, user).jobs >= most:
                yield Wait(reasons.jobs, f"{_whose(table, user)} runs {_many(most, 'job')}, {key} of {table}")
        for most, user in _node_limits(limits, spec.user):
            used = self._count(table, user).nodes
            if used + spec.nodes > most:
                key = "max_nodes" if user is None else "max_nodes_per_user"
                yield Wait(reasons.nodes, _nodes_used(spec, table, user, used, f"{key} of {table} is {most}"))
        if limits.max_node_hours and self._hours(table) >= limits.max_node_hours:
            hours = f"{self._hours(table):.1f} of {limits.max_node_hours:g} node hours"
            yield Wait(reasons.node_hours, f"{_whose(table, None)} has used {hours}, max_node_hours of {table}")

    def _count(self, table: Table, user: str | None) -> _Count:
        if self._counts is None:
            self._counts = _counted(self._snapshot.running, self._rules)
        return self._counts.setdefault((table.kind, table.name, user), _Count())

    def _hours(self, table: Table) -> float:
        if self._node_seconds is None:
            self._node_seconds = {**self._snapshot.table_usage, **_by_account(self._snapshot.usage, self._rules)}
        return self._node_seconds.get((table.kind, table.name), 0.0) / HOUR


def _node_limits(limits: Limits, user: str) -> Iterator[tuple[int, str | None]]:
    """Those that are set, with the user that each is of."""
    if limits.max_nodes:
        yield limits.max_nodes, None
    if limits.max_nodes_per_user:
        yield limits.max_nodes_per_user, user


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
    jobs = list(running)
    hosts = {job.worker for job in jobs if job.worker is not None}
    found: dict[tuple[str, str, str, str], tuple[JobSpec, int, int]] = {}
    for job in jobs:
        spec = job.spec
        owner = (spec.partition, spec.qos, spec.account, spec.user)
        first, count, nodes = found.get(owner, (spec, 0, 0))
        mine = 0 if job.worker is not None or job.allocation is None else len(job.allocation.bindings)
        found[owner] = first, count + (job.id not in hosts), nodes + mine
    return found.values()


def _by_account(usage: Mapping[User, float], rules: Rules) -> dict[tuple[str, str], float]:
    """Node seconds of each account, with those below it."""
    found: dict[tuple[str, str], float] = {}
    for (name, _), used in usage.items():
        for account in rules.lineage(name):
            key = ("account", account.name)
            found[key] = found.get(key, 0.0) + used
    return found


def _whose(table: Table, user: str | None) -> str:
    return f"{table.kind} {table.name}" + ("" if user is None else f", user {user!r},")


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _nodes_used(spec: JobSpec, table: Table, user: str | None, used: int, limit: str) -> str:
    return f"{_whose(table, user)} has {_many(used, 'node')} and this job needs {spec.nodes} more, {limit}"
