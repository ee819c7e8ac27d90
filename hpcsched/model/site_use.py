"""What a site has settled, with how it is used now."""

from __future__ import annotations

from dataclasses import dataclass, field

from hpcsched.model.site import Limits, Partition, Qos


@dataclass(frozen=True, slots=True)
class PartitionUse:
    """`nodes`: names of those that are known. `in_service`: how many could take jobs; `free`: how many of those now.

    `running`: jobs with nodes, workers of arrays among them; `waiting`: pending jobs.
    """

    partition: Partition
    nodes: tuple[str, ...]
    in_service: int
    free: int
    running: int
    waiting: int


@dataclass(frozen=True, slots=True)
class QosUse:
    """`nodes` that its running jobs have; `node_hours` used, decayed."""

    qos: Qos
    running: int
    nodes: int
    waiting: int
    node_hours: float


@dataclass(frozen=True, slots=True)
class Share:
    """An account (`user` empty) or a user in it, `depth` levels below the root. `usage`: node seconds, decayed.

    `level`: the part of the shares over the part of the usage among siblings, None without usage. `factor`: of users only,
    `limits`: of accounts only.
    """

    account: str
    user: str
    depth: int
    shares: int
    shares_part: float
    usage: float
    usage_part: float
    level: float | None
    factor: float
    limits: Limits = field(default_factory=Limits)
