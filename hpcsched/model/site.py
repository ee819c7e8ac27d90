"""What a site has settled about its queue: partitions, accounts, qualities of service, weights."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class PreemptMode(enum.StrEnum):
    """What becomes of a job that another one takes the nodes of."""

    OFF = "off"
    CANCEL = "cancel"
    REQUEUE = "requeue"
    SUSPEND = "suspend"


class PartitionState(enum.StrEnum):
    """UP: takes and starts jobs. DOWN: takes jobs, starts none. DRAIN: takes none, starts its own. INACTIVE: neither."""

    UP = "UP"
    DOWN = "DOWN"
    DRAIN = "DRAIN"
    INACTIVE = "INACTIVE"


@dataclass(frozen=True, slots=True)
class Limits:
    """0: no limit. Of all jobs together: `max_jobs` running, `max_nodes` in use, `max_submit` waiting and running,
    `max_node_hours` used (decayed as fair share is). The same for each user of them: `..._per_user`. Of each job:
    `max_time_s`, `max_nodes_per_job`.
    """

    max_jobs: int = 0
    max_nodes: int = 0
    max_submit: int = 0
    max_node_hours: float = 0.0
    max_jobs_per_user: int = 0
    max_nodes_per_user: int = 0
    max_submit_per_user: int = 0
    max_node_hours_per_user: float = 0.0
    max_time_s: int = 0
    max_nodes_per_job: int = 0


@dataclass(frozen=True, slots=True)
class Partition:
    """`nodes`: names, or `*` patterns (fnmatch) of names, or `+feature`; empty: all. `priority`: 0..1, its part of a job's.

    Empty `allow_...`: everyone. `shared`: a user's small jobs may run side by side in one container of theirs on a node.
    """

    name: str
    nodes: tuple[str, ...] = ()
    default: bool = False
    state: PartitionState = PartitionState.UP
    priority: float = 0.0
    default_time_s: int = 0
    min_nodes: int = 1
    limits: Limits = Limits()
    allow_accounts: tuple[str, ...] = ()
    allow_qos: tuple[str, ...] = ()
    allow_users: tuple[str, ...] = ()
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Qos:
    """`priority`: 0..1, its part of a job's priority. `preempt`: names of those whose jobs its jobs may take the nodes of.

    `preempt_mode`: what becomes of ITS jobs when they are preempted; `grace_s`: how long they run on after being told.
    `usage_factor`: how much its node seconds count in fair share.
    """

    name: str
    priority: float = 0.0
    preempt: tuple[str, ...] = ()
    preempt_mode: PreemptMode = PreemptMode.CANCEL
    grace_s: int = 0
    usage_factor: float = 1.0
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Account:
    """A node of the tree of accounts. `parent` empty: below the root. `users`: (name, shares) of those who may charge it; empty:
    everyone, with one share each. `shares`: beside its siblings.
    """

    name: str
    parent: str = ""
    shares: int = 1
    users: tuple[tuple[str, int], ...] = ()
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Weights:
    """Of a job's priority: each factor is 0..1, the sum of weight times factor less the job's `nice` is its priority.

    `max_age_s`: age counts up to there. `favor_small`: the size factor is that of small jobs.
    """

    age: int = 1000
    fair_share: int = 0
    size: int = 0
    qos: int = 0
    partition: int = 0
    max_age_s: int = 7 * 86400
    favor_small: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """The default is a site that has settled nothing: one partition of all nodes, everyone in account `default`, QOS `normal`.

    `half_life_s` of what jobs have used. `max_overtake_s`: a waiting job that policies let others overtake for that long goes
    first (0: never). `max_array`: tasks of an array. `equal_speed`: a figure, as `stream.triad`, in which the nodes of a job
    of several should be alike that names none (empty: none).
    """

    partitions: tuple[Partition, ...] = ()
    qos: tuple[Qos, ...] = ()
    accounts: tuple[Account, ...] = ()
    weights: Weights = Weights()
    half_life_s: float = 7 * 86400.0
    max_overtake_s: float = 7 * 86400.0
    max_array: int = 1_000_000
    equal_speed: str = ""
