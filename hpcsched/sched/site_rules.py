"""What a site's tables say about one job, whatever else runs: which tables it comes under, and whether they take it."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from hpcsched.model.job import JobSpec, Reason
from hpcsched.model.site import Account, Limits, Partition, PartitionState, Qos, Site
from hpcsched.model.snapshot import Wait
from hpcsched.model.units import format_count, format_duration
from hpcsched.sched.partitions import partition_of, partitions

DEFAULT_QOS = "normal"
_MOST = 100_000
_DOWN = frozenset({PartitionState.DOWN, PartitionState.INACTIVE})


@dataclass(frozen=True, slots=True)
class Reasons:
    """The words for the limits of one kind of table."""

    jobs: Reason
    nodes: Reason
    node_hours: Reason
    time: Reason


REASONS = {
    "partition": Reasons(Reason.PARTITION_JOBS, Reason.PARTITION_NODES, Reason.PARTITION_NODE_HOURS, Reason.PARTITION_TIME),
    "qos": Reasons(Reason.QOS_JOBS, Reason.QOS_NODES, Reason.QOS_NODE_HOURS, Reason.QOS_TIME),
    "account": Reasons(Reason.ACCOUNT_JOBS, Reason.ACCOUNT_NODES, Reason.ACCOUNT_NODE_HOURS, Reason.ACCOUNT_TIME),
}


@dataclass(frozen=True, slots=True)
class Table:
    """One that a job comes under. `kind`: `partition`, `qos` or `account`."""

    kind: str
    name: str
    limits: Limits

    @property
    def reasons(self) -> Reasons:
        return REASONS[self.kind]

    def __str__(self) -> str:
        return f"[{self.kind}.{self.name}]"


class Counted(enum.Enum):
    """What a limit on running jobs counts."""

    JOBS = "jobs"
    NODES = "nodes"
    NODE_HOURS = "node hours"


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """A limit that is set on what runs at once: `key` of `table`, at most `most`, of each user where it is `per_user`."""

    table: Table
    key: str
    what: Counted
    most: float
    per_user: bool
    reason: Reason

    def allows(self, used: float, nodes: int) -> bool:
        """One more job with so many nodes, where so much is used."""
        return used + nodes <= self.most if self.what is Counted.NODES else used < self.most


def _gates(table: Table) -> Iterator[Gate]:
    limits, reasons = table.limits, table.reasons
    found = (
        Gate(table, "max_jobs", Counted.JOBS, limits.max_jobs, False, reasons.jobs),
        Gate(table, "max_jobs_per_user", Counted.JOBS, limits.max_jobs_per_user, True, reasons.jobs),
        Gate(table, "max_nodes", Counted.NODES, limits.max_nodes, False, reasons.nodes),
        Gate(table, "max_nodes_per_user", Counted.NODES, limits.max_nodes_per_user, True, reasons.nodes),
        Gate(table, "max_node_hours", Counted.NODE_HOURS, limits.max_node_hours, False, reasons.node_hours),
        Gate(table, "max_node_hours_per_user", Counted.NODE_HOURS, limits.max_node_hours_per_user, True, reasons.node_hours),
    )
    return (gate for gate in found if gate.most)


class Rules:
    """A site's tables by name; answers are kept, for jobs that share a spec's figures."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._qos = {item.name: item for item in site.qos}
        self._accounts = {item.name: item for item in site.accounts}
        self._parents = frozenset(item.parent for item in site.accounts)
        self._tables: dict[tuple[str, str, str], tuple[Table, ...]] = {}
        self._gates: dict[tuple[str, str, str], tuple[Gate, ...]] = {}
        self._waits: dict[tuple[object, ...], Wait | None] = {}

    def renewed(self, site: Site) -> Rules:
        """For this site; itself, with what it knows, where that is the same object."""
        return self if site is self.site else Rules(site)

    @property
    def settled_nothing(self) -> bool:
        return not (self.site.partitions or self.site.qos or self.site.accounts)

    def partition(self, name: str) -> Partition | None:
        return partition_of(self.site, name)

    def qos(self, name: str) -> Qos | None:
        """None: there is no such table; an empty name means `normal`."""
        return self._qos.get(name or DEFAULT_QOS)

    def lineage(self, name: str) -> Iterator[Account]:
        """The account and those above it."""
        while name in self._accounts:
            yield self._accounts[name]
            name = self._accounts[name].parent

    def accounts_of(self, user: str) -> list[str]:
        """Those that the user may charge, those that list the user first, in the order of the settings."""
        listed = [item.name for item in self.site.accounts if user in dict(item.users)]
        return listed + [item.name for item in self.site.accounts if self._is_open(item)]

    def _is_open(self, account: Account) -> bool:
        return not account.users and account.name not in self._parents

    def tables(self, spec: JobSpec) -> tuple[Table, ...]:
        """Those with limits: its partition's, its QOS's, its account's and those above that."""
        key = (spec.partition, spec.qos, spec.account)
        found = self._tables.get(key)
        if found is None:
            self._tidy()
            found = self._tables[key] = tuple(item for item in self._find_tables(spec) if item.limits != Limits())
        return found

    def gates(self, spec: JobSpec) -> tuple[Gate, ...]:
        """The limits of those tables on what runs at once."""
        key = (spec.partition, spec.qos, spec.account)
        found = self._gates.get(key)
        if found is None:
            found = self._gates[key] = tuple(gate for table in self.tables(spec) for gate in _gates(table))
        return found

    def _find_tables(self, spec: JobSpec) -> Iterator[Table]:
        partition, qos = self.partition(spec.partition), self.qos(spec.qos)
        if partition:
            yield Table("partition", partition.name, partition.limits)
        if qos:
            yield Table("qos", qos.name, qos.limits)
        for account in self.lineage(spec.account):
            yield Table("account", account.name, account.limits)

    def refusal(self, spec: JobSpec) -> Wait | None:
        """Why the tables as they stand would never let it start; the state of its partition aside."""
        if self.settled_nothing and not (spec.partition or spec.qos):
            return None
        key = (spec.partition, spec.qos, spec.account, spec.user, spec.nodes, spec.max_nodes, spec.time_limit_s)
        if key not in self._waits:
            self._tidy()
            self._waits[key] = next(self._refusals(spec), None)
        return self._waits[key]

    def _tidy(self) -> None:
        """Forget answers when they are many."""
        if len(self._waits) + len(self._tables) >= _MOST:
            self._waits.clear()
            self._tables.clear()
            self._gates.clear()

    def _refusals(self, spec: JobSpec) -> Iterator[Wait]:
        yield from self._unknown(spec)
        partition = self.partition(spec.partition)
        if partition:
            yield from self._not_allowed(spec, partition)
            if spec.most_nodes < partition.min_nodes:
                yield Wait(Reason.PARTITION_NODES, f"{_nodes(spec)}, min_nodes of {_part(partition)} is {partition.min_nodes}")
        for table in self.tables(spec):
            yield from _above(spec, table)

    def _unknown(self, spec: JobSpec) -> Iterator[Wait]:
        if self.partition(spec.partition) is None:
            known = ", ".join(item.name for item in partitions(self.site))
            what = (
                f"there is no partition {spec.partition!r}" if spec.partition else "it names no partition and none is the default"
            )
            yield Wait(Reason.PARTITION_CONFIG, f"{what}: give --partition one of {known}")
        if spec.qos and self.qos(spec.qos) is None and (self.site.qos or spec.qos != DEFAULT_QOS):
            yield Wait(Reason.INVALID_QOS, f"there is no QOS {spec.qos!r}: give --qos one of {', '.join(self._qos) or 'none'}")
        if self.site.accounts:
            yield from self._bad_account(spec)

    def _bad_account(self, spec: JobSpec) -> Iterator[Wait]:
        allowed = self.accounts_of(spec.user)
        if spec.account in allowed:
            return
        mine = ", ".join(allowed[:20]) or "none: ask an admin for one"
        known = spec.account in self._accounts or not spec.account
        what = f"user {spec.user!r} may not charge account" if known else "there is no account"
        yield Wait(Reason.INVALID_ACCOUNT, f"{what} {spec.account!r}; accounts of {spec.user!r}: {mine}")

    def _not_allowed(self, spec: JobSpec, partition: Partition) -> Iterator[Wait]:
        line = {item.name for item in self.lineage(spec.account)} | {spec.account}
        asked = (
            ("accounts", spec.account, partition.allow_accounts, line),
            ("qos", spec.qos or DEFAULT_QOS, partition.allow_qos, {spec.qos or DEFAULT_QOS}),
            ("users", spec.user, partition.allow_users, {spec.user}),
        )
        for what, name, allowed, mine in asked:
            if allowed and not mine & set(allowed):
                listed = ", ".join(allowed[:20])
                yield Wait(Reason.PARTITION_CONFIG, f"{_part(partition)} allow_{what} has not {name!r}, it has: {listed}")

    def down(self, spec: JobSpec) -> Wait | None:
        """Its partition starts no job now."""
        partition = self.partition(spec.partition)
        if partition is None or partition.state not in _DOWN:
            return None
        return Wait(Reason.PARTITION_DOWN, f"partition {partition.name} is {partition.state}: an admin has stopped its queue")

    def is_closed(self, spec: JobSpec) -> Partition | None:
        """Its partition, when that takes no new job."""
        partition = self.partition(spec.partition)
        return partition if partition and partition.state in (PartitionState.DRAIN, PartitionState.INACTIVE) else None


def _above(spec: JobSpec, table: Table) -> Iterator[Wait]:
    limits, reasons = table.limits, table.reasons
    if limits.max_nodes_per_job and spec.most_nodes > limits.max_nodes_per_job:
        yield Wait(reasons.nodes, f"{_nodes(spec)}, max_nodes_per_job of {table} is {limits.max_nodes_per_job}")
    for key, most in (("max_nodes", limits.max_nodes), ("max_nodes_per_user", limits.max_nodes_per_user)):
        if most and spec.nodes > most:
            yield Wait(reasons.nodes, f"{_nodes(spec)}, {key} of {table} is {most}")
    if limits.max_time_s and not 0 < spec.time_limit_s <= limits.max_time_s:
        asked = f"asks for {format_duration(spec.time_limit_s)}" if spec.time_limit_s else "has no time limit"
        yield Wait(reasons.time, f"{asked}, max_time of {table} is {format_duration(limits.max_time_s)}")


def _nodes(spec: JobSpec) -> str:
    return f"asks for {format_count(spec.most_nodes, 'node')}"


def _part(partition: Partition) -> str:
    return f"[partition.{partition.name}]"
