"""The multi-factor priority of many waiting jobs at once: the sums that `priority.factors_of` shows of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hpcsched.model.site import Site
from hpcsched.sched.fairfactors import User
from hpcsched.sched.partitions import partition_of
from hpcsched.sched.priority import DEFAULT_QOS
from hpcsched.sched.waiting import Floats, Waiting


def ranks_of(jobs: Waiting, site: Site, shares: Mapping[User, float], now: float, total_nodes: int) -> Floats:
    """One for each job, in their order; `shares`: the fair share factor of each user in each account."""
    weights, rows = site.weights, jobs.rows
    found = np.zeros(len(rows))
    if weights.fair_share:
        found += weights.fair_share * _looked_up(jobs, "user", [shares.get(user, 0.0) for user in _words(jobs, "user")])
    if weights.size:
        found += weights.size * _sizes(jobs, total_nodes, weights.favor_small)
    if weights.qos:
        found += weights.qos * _looked_up(jobs, "qos", [_of_qos(site, name) for name in _words(jobs, "qos")])
    if weights.partition:
        places = [_of_partition(site, name) for name in _words(jobs, "partition")]
        found += weights.partition * _looked_up(jobs, "partition", places)
    found -= jobs.columns.floats["nice"][rows]
    if weights.age:
        found += weights.age * np.clip((now - jobs.columns.floats["since"][rows]) / weights.max_age_s, 0.0, 1.0)
    return found


def _words(jobs: Waiting, name: str) -> list[Any]:
    return jobs.columns.words[name].all()


def _looked_up(jobs: Waiting, name: str, values: list[float]) -> Floats:
    return np.array(values, np.float64)[jobs.columns.ints[name][jobs.rows]]


def _sizes(jobs: Waiting, total_nodes: int, favor_small: bool) -> Floats:
    nodes = jobs.columns.floats["nodes"][jobs.rows]
    size = np.minimum(1.0, nodes / total_nodes) if total_nodes else np.zeros(len(nodes))
    return 1.0 - size if favor_small else size


def _of_qos(site: Site, name: str) -> float:
    return next((item.priority for item in site.qos if item.name == (name or DEFAULT_QOS)), 0.0)


def _of_partition(site: Site, name: str) -> float:
    partition = partition_of(site, name)
    return partition.priority if partition else 0.0
