"""The site's tables with what is in use of them, for listings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from hpcsched.model.job import Job, JobState
from hpcsched.model.node import Node
from hpcsched.model.site import Limits, Partition, Qos
from hpcsched.model.site_use import PartitionUse, QosUse, Share
from hpcsched.sched.fairshare import Member, fair_tree, walk
from hpcsched.sched.partitions import default_partition, is_member, partitions
from hpcsched.sched.site_rules import DEFAULT_QOS
from hpcsched.state.tables import Tables
from hpcsched.state.usage import used, used_in_tables

HOUR = 3600.0


def partition_uses(tables: Tables) -> list[PartitionUse]:
    """In the order of the settings; the implicit one where the site has settled none."""
    default = default_partition(tables.site)
    named = default.name if default else ""
    running = Counter(job.spec.partition or named for job in _running(tables))
    waiting = Counter(job.spec.partition or named for job in _waiting(tables))
    return [_partition(item, tables.nodes.values(), running, waiting) for item in partitions(tables.site)]


def _partition(item: Partition, nodes: Iterable[Node], running: Counter[str], waiting: Counter[str]) -> PartitionUse:
    members = sorted((node for node in nodes if is_member(item, node.offer)), key=lambda node: node.name)
    serving = [node for node in members if node.connected and not node.down and not node.drain_reason]
    free = sum(not node.busy or node.canary for node in serving)
    names = tuple(node.name for node in members)
    return PartitionUse(item, names, len(serving), free, running[item.name], waiting[item.name])


def qos_uses(tables: Tables, now: float) -> list[QosUse]:
    """In the order of the settings."""
    running = Counter(job.spec.qos or DEFAULT_QOS for job in _running(tables))
    nodes: Counter[str] = Counter()
    for job in _running(tables):
        if job.allocation is not None and job.worker is None:
            nodes[job.spec.qos or DEFAULT_QOS] += len(job.allocation.bindings)
    waiting = Counter(job.spec.qos or DEFAULT_QOS for job in _waiting(tables))
    spent = used_in_tables(tables, now)
    return [
        QosUse(item, running[item.name], nodes[item.name], waiting[item.name], spent.get(("qos", item.name), 0.0) / HOUR)
        for item in tables.site.qos or (Qos(DEFAULT_QOS),)
    ]


def shares(tables: Tables, now: float) -> list[Share]:
    """Each account before what is in it; users that are not listed are there once they have used something or wait."""
    others = {(job.spec.account, job.spec.user) for job in _waiting(tables)}
    limits = {account.name: account.limits for account in tables.site.accounts}
    return [_share(member, limits) for member in walk(fair_tree(tables.site, used(tables, now), others))]


def _share(member: Member, limits: Mapping[str, Limits]) -> Share:
    return Share(
        member.account,
        member.user,
        member.depth,
        member.shares,
        member.shares_part,
        member.usage,
        member.usage_part,
        None if math.isinf(member.level) else member.level,
        member.factor,
        Limits() if member.user else limits.get(member.account, Limits()),
    )


def _running(tables: Tables) -> Iterable[Job]:
    """Canaries are nobody's jobs, and give way at once."""
    return (job for job in tables.active.values() if not job.spec.canary)


def _waiting(tables: Tables) -> Iterable[Job]:
    return (job for job in tables.jobs.values() if job.state is JobState.PENDING and not job.spec.canary)
