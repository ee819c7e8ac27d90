"""The multi-factor priority of waiting jobs, as Slurm's priority/multifactor has it: the sum of weight times factor less `nice`.

Each factor is 0..1: `age`, the time since the job became eligible over `max_age_s`; `fair_share` of its user in its account;
`size`, its nodes over those of the cluster, or the rest of them with `favor_small`; the `priority` of its QOS and its partition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpcsched.model.job import Job, JobSpec
from hpcsched.model.site import Site
from hpcsched.sched.fairfactors import User, fair_factors
from hpcsched.sched.partitions import partition_of

DEFAULT_QOS = "normal"


_Kind = tuple[str, str, int, str, str, int]


class Factor(NamedTuple):
    """`nice` has a factor of its own value and the weight -1."""

    name: str
    factor: float
    weight: int
    product: float


def factors(site: Site, usage: Mapping[User, float], jobs: Iterable[Job]) -> dict[User, float]:
    """Fair share factors of all who have jobs there, too; none where fair share has no weight."""
    if not site.weights.fair_share:
        return {}
    return fair_factors(site, usage, {(job.spec.account, job.spec.user) for job in jobs})


def priorities(
    jobs: Sequence[Job], site: Site, factors: Mapping[User, float], now: float, total_nodes: int
) -> NDArray[np.float64]:
    """One for each job, in their order. What does not change with time is worked out once for all jobs of a kind."""
    known: dict[_Kind, float] = {}

    def fixed_of(spec: JobSpec) -> float:
        kind = (spec.account, spec.user, spec.nodes, spec.qos, spec.partition, spec.nice)
        found = known.get(kind)
        if found is None:
            found = known[kind] = sum(item.product for item in _fixed(spec, site, factors, total_nodes)) - spec.nice
        return found

    fixed = np.fromiter((fixed_of(job.spec) for job in jobs), np.float64, len(jobs))
    weights = site.weights
    if not weights.age:
        return fixed
    since = np.fromiter((job.eligible_time or job.submit_time for job in jobs), np.float64, len(jobs))
    return fixed + weights.age * np.clip((now - since) / weights.max_age_s, 0.0, 1.0)


def factors_of(job: Job, site: Site, factors: Mapping[User, float], now: float, total_nodes: int) -> tuple[Factor, ...]:
    """The summands of the priority of one job, in a fixed order."""
    since = job.eligible_time or job.submit_time
    age = min(1.0, max(0.0, (now - since) / site.weights.max_age_s))
    summands = [_factor("age", age, site.weights.age), *_fixed(job.spec, site, factors, total_nodes)]
    return (*summands, Factor("nice", float(job.spec.nice), -1, float(-job.spec.nice)))


def _fixed(spec: JobSpec, site: Site, factors: Mapping[User, float], total_nodes: int) -> tuple[Factor, ...]:
    weights, partition = site.weights, partition_of(site, spec.partition)
    name = spec.qos or DEFAULT_QOS
    qos = next((item.priority for item in site.qos if item.name == name), 0.0)
    size = min(1.0, spec.nodes / total_nodes) if total_nodes else 0.0
    return (
        _factor("fair_share", factors.get((spec.account, spec.user), 0.0), weights.fair_share),
        _factor("size", 1.0 - size if weights.favor_small else size, weights.size),
        _factor("qos", qos, weights.qos),
        _factor("partition", partition.priority if partition else 0.0, weights.partition),
    )


def _factor(name: str, factor: float, weight: int) -> Factor:
    return Factor(name, factor, weight, factor * weight)
