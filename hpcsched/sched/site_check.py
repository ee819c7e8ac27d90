"""What a site adds to a job that is submitted or modified, and when it refuses one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from hpcsched.errors import Infeasible, InvalidValue, QueueFull
from hpcsched.model.array import parse_array
from hpcsched.model.job import JobSpec, Reason
from hpcsched.model.node import NodeOffer
from hpcsched.model.site import Site
from hpcsched.sched import constraint
from hpcsched.sched.partitions import is_member, partition_of
from hpcsched.sched.site_rules import DEFAULT_QOS, Rules, Table

Owner = tuple[str, str, str, str]
"""Account, QOS, partition, user."""
_MALFORMED = frozenset({Reason.PARTITION_CONFIG, Reason.INVALID_ACCOUNT, Reason.INVALID_QOS})


def settled(spec: JobSpec, site: Site, rules: Rules | None = None) -> JobSpec:
    """The spec with the site's partition, account, QOS and time limit where it names none. Raises InvalidValue on names that it
    may not use, Infeasible on what is above a limit of any job."""
    constraint.parse(spec.constraint)
    rules = rules.renewed(site) if rules else Rules(site)
    spec = _with_time(_with_names(spec, rules), rules)
    if spec.array and len(parse_array(spec.array)) > site.max_array:
        raise InvalidValue(f"an array of {len(parse_array(spec.array))} tasks, this site takes {site.max_array}: submit several")
    wait = rules.refusal(spec)
    if wait is not None:
        raise InvalidValue(wait.message) if wait.reason in _MALFORMED else Infeasible(wait.message)
    closed = rules.is_closed(spec)
    if closed is not None:
        raise InvalidValue(f"partition {closed.name} is {closed.state}: it takes no new job, give another --partition")
    return spec


def _with_names(spec: JobSpec, rules: Rules) -> JobSpec:
    """Names stay empty where the site has no such tables: then a later table named `default` or `normal` holds for them."""
    site = rules.site
    if site.partitions and not spec.partition:
        partition = rules.partition("")
        spec = replace(spec, partition=partition.name if partition else "")
    if site.accounts and not spec.account:
        spec = replace(spec, account=next(iter(rules.accounts_of(spec.user)), ""))
    if not spec.qos and rules.qos(""):
        spec = replace(spec, qos=DEFAULT_QOS)
    return spec


def _with_time(spec: JobSpec, rules: Rules) -> JobSpec:
    """The partition's default, else the least of the longest that may be."""
    if spec.time_limit_s:
        return spec
    longest = min((table.limits.max_time_s for table in rules.tables(spec) if table.limits.max_time_s), default=0)
    partition = rules.partition(spec.partition)
    default = partition.default_time_s if partition else 0
    limit = min(default, longest) if default and longest else default or longest
    return replace(spec, time_limit_s=limit) if limit else spec


def candidates(spec: JobSpec, site: Site, offers: Sequence[NodeOffer]) -> tuple[list[NodeOffer], str]:
    """The nodes of its partition with the features that it asks for, and what they are called together. Raises Infeasible when
    the cluster has nodes, but none of these."""
    constraint.require_known(spec.constraint, {word for offer in offers for word in offer.features} if offers else None)
    partition, wanted = partition_of(site, spec.partition), constraint.parse(spec.constraint)
    members = [offer for offer in offers if partition is not None and is_member(partition, offer)]
    where = f"partition {partition.name}" if partition is not None and site.partitions else "this cluster"
    if offers and not members:
        raise Infeasible(f"{where} has no node: `hpcsched partitions` lists those that have")
    found = [offer for offer in members if constraint.matches(wanted, offer.features)] if spec.constraint else members
    if members and not found:
        raise Infeasible(f"none of the {len(members)} nodes of {where} is what the constraint {spec.constraint!r} asks for")
    return found, f"{where} with {spec.constraint!r}" if spec.constraint else where


class SubmitLedger:
    """How many jobs of the same tables and users are live, those of this submission counted in. An array counts once."""

    def __init__(self, site: Site, live: Mapping[Owner, int], rules: Rules | None = None) -> None:
        self._rules = rules.renewed(site) if rules else Rules(site)
        self._live = live
        self._counts: dict[tuple[str, str, str | None], int] = {}

    def take(self, spec: JobSpec) -> None:
        """Count the settled spec. Raises QueueFull when a limit on waiting and running jobs is reached."""
        asked = list(self._limits(spec))
        for table, most, user, key in asked:
            count = self._count(table, user)
            if count >= most:
                whose = f"{table.kind} {table.name}" + ("" if user is None else f", user {user!r},")
                raise QueueFull(f"{whose} has {count} jobs that wait or run, {key} of {table} is {most}: try again later")
        for table, _, user, _ in asked:
            self._counts[table.kind, table.name, user] += 1

    def _limits(self, spec: JobSpec) -> Iterator[tuple[Table, int, str | None, str]]:
        for table in self._rules.tables(spec):
            if table.limits.max_submit:
                yield table, table.limits.max_submit, None, "max_submit"
            if table.limits.max_submit_per_user:
                yield table, table.limits.max_submit_per_user, spec.user, "max_submit_per_user"

    def _count(self, table: Table, user: str | None) -> int:
        key = (table.kind, table.name, user)
        if key not in self._counts:
            self._counts[key] = sum(count for owner, count in self._live.items() if self._is_of(owner, table, user))
        return self._counts[key]

    def _is_of(self, owner: Owner, table: Table, user: str | None) -> bool:
        account, qos, partition, name = owner
        if user is not None and user != name:
            return False
        spec = JobSpec(partition=partition, qos=qos, account=account)
        return table in self._rules.tables(spec)
