"""Tables `[priority]`, `[partition.NAME]`, `[qos.NAME]` and `[account.NAME]`: what a site has settled about its queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hpcsched.config.parse import MAX_SHARES, duration, parse, parse_named, setting, share_table
from hpcsched.errors import ConfigError
from hpcsched.model.site import Account, Limits, Partition, PartitionState, PreemptMode, Qos, Site, Weights
from hpcsched.sched.constraint import FEATURE

TABLES = ("priority", "partition.NAME", "qos.NAME", "account.NAME")
MAX_WEIGHT = 1 << 31
"""Of one weight, and of all together: a priority then keeps its digits in any client's number."""
MAX_DEPTH = 32
MAX_COUNT = 1_000_000_000
DAY = 86400


@dataclass(frozen=True, slots=True)
class PriorityTable:
    """Table `[priority]`: the weight of each factor of a job's priority, and how fast what was used is forgotten."""

    age: int = setting(1000, "weight of the time that the job has waited", 0, MAX_WEIGHT)
    fair_share: int = setting(0, "weight of the fair share factor of its user in its account", 0, MAX_WEIGHT)
    size: int = setting(0, "weight of the part of all nodes that it asks for", 0, MAX_WEIGHT)
    qos: int = setting(0, "weight of its QOS's priority", 0, MAX_WEIGHT)
    partition: int = setting(0, "weight of its partition's priority", 0, MAX_WEIGHT)
    max_age: int = duration(7 * DAY, "waiting longer than that counts no more")
    favor_small: bool = setting(False, "small jobs have the larger size factor")
    half_life: int = duration(7 * DAY, "after that time, half of what was used counts in fair share")
    max_overtake: int = duration(7 * DAY, "a job that others have overtaken for that long goes first (0: never)")


@dataclass(frozen=True, slots=True)
class LimitKeys:
    """Keys of any table that limits jobs. 0: no limit."""

    max_jobs: int = setting(0, "jobs that run at once", 0, MAX_COUNT)
    max_nodes: int = setting(0, "nodes that its jobs have at once", 0, MAX_COUNT)
    max_submit: int = setting(0, "jobs that wait or run at once", 0, MAX_COUNT)
    max_node_hours: float = setting(0.0, "node hours used, forgotten with [priority] half_life", 0, 1e15)
    max_jobs_per_user: int = setting(0, "the same as max_jobs, for each user", 0, MAX_COUNT)
    max_nodes_per_user: int = setting(0, "the same as max_nodes, for each user", 0, MAX_COUNT)
    max_submit_per_user: int = setting(0, "the same as max_submit, for each user", 0, MAX_COUNT)
    max_node_hours_per_user: float = setting(0.0, "the same as max_node_hours, for each user", 0, 1e15)
    max_time: int = duration(0, "longest time limit of a job")
    max_nodes_per_job: int = setting(0, "most nodes of a job", 0, MAX_COUNT)


@dataclass(frozen=True, slots=True)
class PartitionTable(LimitKeys):
    """Table `[partition.NAME]`: some of the nodes, and who may use them for what."""

    nodes: tuple[str, ...] = setting((), "its nodes: names, patterns as n*, features as +epyc (default: all nodes)")
    default: bool = setting(False, "jobs that name no partition go here")
    state: str = setting("UP", "DOWN: starts no job; DRAIN: takes no new job; INACTIVE: neither", choices=tuple(PartitionState))
    priority: float = setting(0.0, "its part of a job's priority", 0, 1)
    default_time: int = duration(0, "time limit of a job that has none (default: max_time)")
    min_nodes: int = setting(1, "fewest nodes of a job", 1, MAX_COUNT)
    allow_accounts: tuple[str, ...] = setting((), "only jobs of these accounts and those below them (default: all)")
    allow_qos: tuple[str, ...] = setting((), "only jobs with these QOS (default: all)")
    allow_users: tuple[str, ...] = setting((), "only jobs of these users (default: all)")
    shared: bool = setting(False, "a user's small jobs may run side by side in one container on a node")


@dataclass(frozen=True, slots=True)
class QosTable(LimitKeys):
    """Table `[qos.NAME]`: a quality of service."""

    priority: float = setting(0.0, "its part of a job's priority", 0, 1)
    preempt: tuple[str, ...] = setting((), "QOS whose jobs its jobs may take the nodes of")
    preempt_mode: str = setting("cancel", "what becomes of its jobs when they are preempted", choices=tuple(PreemptMode))
    grace: int = duration(0, "how long its jobs run on when they are preempted")
    usage_factor: float = setting(1.0, "how much its node seconds count in fair share", 0, 1000)


@dataclass(frozen=True, slots=True)
class AccountTable(LimitKeys):
    """Table `[account.NAME]`: who pays, a node of a tree."""

    parent: str = setting("", "the account above it (default: none)")
    shares: int = setting(1, "its shares beside those of its siblings", 1, MAX_SHARES)
    users: tuple[tuple[str, int], ...] = share_table(
        "users with their shares; no one else may charge it (default: everyone, one share each)"
    )


def site(document: Mapping[str, Any], max_array: int, where: str) -> Site:
    """What the tables of a document say together; `where` names the file. Raises ConfigError."""
    priority = parse(document.get("priority", {}), PriorityTable, f"{where}: [priority]")
    _check_priority(priority, f"{where}: [priority]")
    found = Site(
        tuple(_partition(*item) for item in _named(document, "partition", PartitionTable, where)),
        tuple(_qos(*item) for item in _named(document, "qos", QosTable, where)),
        tuple(_account(*item) for item in _named(document, "account", AccountTable, where)),
        _weights(priority),
        float(priority.half_life),
        float(priority.max_overtake),
        max_array,
    )
    _check_references(found, where)
    return found


def tables(document: Mapping[str, Any], where: str) -> list[tuple[str, Any]]:
    """Each table by its name, `[priority]` also where the document has none. Raises ConfigError."""
    kinds: tuple[tuple[str, type[Any]], ...] = (("partition", PartitionTable), ("qos", QosTable), ("account", AccountTable))
    found: list[tuple[str, Any]] = [("priority", parse(document.get("priority", {}), PriorityTable, f"{where}: [priority]"))]
    for what, kind in kinds:
        found += [(f"{what}.{name}", table) for name, table in _named(document, what, kind, where)]
    return found


def _named(document: Mapping[str, Any], what: str, kind: type[Any], where: str) -> list[tuple[str, Any]]:
    return list(parse_named(document.get(what, {}), kind, f"{where}: [{what}]").items())


def _check_priority(table: PriorityTable, where: str) -> None:
    total = table.age + table.fair_share + table.size + table.qos + table.partition
    if total > MAX_WEIGHT:
        raise ConfigError(f"{where}: the weights are {total} together, at most {MAX_WEIGHT}: divide them all by the same number")
    if not table.half_life or not table.max_age:
        key = "max_age" if table.half_life else "half_life"
        raise ConfigError(f'{where} {key}: it must be longer than 0, as "7-0" for a week')


def _weights(table: PriorityTable) -> Weights:
    return Weights(
        table.age, table.fair_share, table.size, table.qos, table.partition, table.max_age, favor_small=table.favor_small
    )


def _limits(table: LimitKeys) -> Limits:
    given = {item.name: getattr(table, item.name) for item in fields(LimitKeys)}
    return Limits(max_time_s=given.pop("max_time"), **given)


def _partition(name: str, table: PartitionTable) -> Partition:
    return Partition(
        name,
        table.nodes,
        table.default,
        PartitionState(table.state),
        table.priority,
        table.default_time,
        table.min_nodes,
        _limits(table),
        table.allow_accounts,
        table.allow_qos,
        table.allow_users,
        table.shared,
    )


def _qos(name: str, table: QosTable) -> Qos:
    mode = PreemptMode(table.preempt_mode)
    return Qos(name, table.priority, table.preempt, mode, table.grace, table.usage_factor, _limits(table))


def _account(name: str, table: AccountTable) -> Account:
    return Account(name, table.parent, table.shares, table.users, _limits(table))


def _check_references(found: Site, where: str) -> None:
    qos, accounts = [item.name for item in found.qos], [item.name for item in found.accounts]
    for item in found.qos:
        _check_known(item.preempt, qos, "qos", f"{where}: [qos.{item.name}] preempt")
    for partition in found.partitions:
        table = f"{where}: [partition.{partition.name}]"
        _check_partition(partition, table)
        _check_known(partition.allow_qos, qos, "qos", f"{table} allow_qos")
        _check_known(partition.allow_accounts, accounts, "account", f"{table} allow_accounts")
    _check_defaults(found, where)
    _check_tree(found, where)
    _check_rights(found, where)


def _check_known(names: tuple[str, ...], known: list[str], kind: str, where: str) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(f"{where}: there is no table [{kind}.{name}]; known: {', '.join(known) or 'none'}")


def _check_partition(partition: Partition, where: str) -> None:
    limits = partition.limits
    if limits.max_time_s and partition.default_time_s > limits.max_time_s:
        raise ConfigError(f"{where} default_time: it is longer than max_time")
    if limits.max_nodes_per_job and partition.min_nodes > limits.max_nodes_per_job:
        raise ConfigError(f"{where} min_nodes: {partition.min_nodes} is above max_nodes_per_job, {limits.max_nodes_per_job}")
    for word in partition.nodes:
        if not word.isprintable() or not word or (word.startswith("+") and not FEATURE.fullmatch(word[1:])):
            raise ConfigError(f"{where} nodes: bad name {word!r}: give names, patterns as n*, or features as +epyc")


def _check_defaults(found: Site, where: str) -> None:
    defaults = [item.name for item in found.partitions if item.default]
    if len(defaults) > 1:
        raise ConfigError(f"{where}: [partition.{defaults[1]}] default: [partition.{defaults[0]}] is the default already")


def _check_tree(found: Site, where: str) -> None:
    parents = {item.name: item.parent for item in found.accounts}
    for name, parent in parents.items():
        _check_known((parent,) if parent else (), list(parents), "account", f"{where}: [account.{name}] parent")
    for name in parents:
        _check_way_up(name, parents, where)


def _check_way_up(name: str, parents: Mapping[str, str], where: str) -> None:
    way = [name]
    while parents[way[-1]]:
        way.append(parents[way[-1]])
        if way[-1] in way[:-1]:
            raise ConfigError(f"{where}: [account.{name}] parent: it comes back to itself: {' < '.join(way)}")
        if len(way) > MAX_DEPTH:
            raise ConfigError(f"{where}: [account.{name}] parent: it is deeper than {MAX_DEPTH} accounts")


def _check_rights(found: Site, where: str) -> None:
    """QOS that may preempt each other would take turns for ever and none of their jobs would end."""
    rights = {item.name: item.preempt for item in found.qos}
    for name in rights:
        reached, todo = set[str](), [*rights[name]]
        while todo:
            other = todo.pop()
            if other == name:
                raise ConfigError(f"{where}: [qos.{name}] preempt: it comes back to itself: its jobs would preempt by turns")
            if other not in reached:
                reached.add(other)
                todo += rights[other]
