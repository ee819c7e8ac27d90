"""A node as the controller knows it."""

from __future__ import annotations

import enum

from hpcsched.model.allocation import HugePages
from hpcsched.model.certificate import Certified, Facts
from hpcsched.model.device import Device
from hpcsched.model.idset import IdSet
from hpcsched.model.noun import noun
from hpcsched.model.topology import Topology


class NodeState(enum.StrEnum):
    """UNKNOWN: known from the journal, its agent has not reported since the controller started."""

    UNKNOWN = "UNKNOWN"
    IDLE = "IDLE"
    ALLOCATED = "ALLOCATED"
    DRAINING = "DRAINING"
    DRAINED = "DRAINED"
    DOWN = "DOWN"


@noun(frozen=True, slots=True)
class NodeOffer:
    """What an agent brings: the whole machine and what of it jobs may have.

    `cpus`: PUs for jobs, reserved cores taken off. `memory`: bytes for jobs, 0 when the node gives no figure. `hugepages`: the
    pools that the node has set aside. `tunings`: names of node tunings that a job may ask for. `machine`: digest of the whole
    machine's topology, of which this node may be a part. `features`: words of the site, for `--constraint`. `facts`: what a
    certificate of this node hangs on: kernel, drivers, how containers are confined, images by digest.
    """

    name: str
    topology: Topology
    cpus: IdSet
    memory: int
    version: str
    boot_id: str
    runtimes: tuple[str, ...] = ("lxc", "baremetal")
    devices: tuple[Device, ...] = ()
    hugepages: tuple[HugePages, ...] = ()
    tunings: tuple[str, ...] = ()
    machine: str = ""
    features: tuple[str, ...] = ()
    facts: Facts = ()


@noun(frozen=True, slots=True)
class Node:
    """`connected`: its agent's stream is open. `job_id`: the job that owns it.

    `cleaning`: ended jobs whose containers are not gone yet. `since`: Unix seconds of the last change.
    """

    offer: NodeOffer
    connected: bool = False
    down: bool = False
    drain_reason: str = ""
    job_id: int | None = None
    cleaning: tuple[int, ...] = ()
    since: float = 0.0
    suspended: tuple[int, ...] = ()
    """Jobs that gave it up frozen, and go on here when it is free."""
    certified: tuple[Certified, ...] = ()
    """At most one for each image, valid or not."""
    canary: bool = False
    """What runs there, or is being cleaned up, is a canary: jobs can have the node in a moment."""

    @property
    def name(self) -> str:
        return self.offer.name

    @property
    def busy(self) -> bool:
        return self.job_id is not None or bool(self.cleaning)

    @property
    def state(self) -> NodeState:
        if self.down:
            return NodeState.DOWN
        if self.drain_reason:
            return NodeState.DRAINING if self.busy else NodeState.DRAINED
        if not self.connected:
            return NodeState.UNKNOWN
        return NodeState.ALLOCATED if self.busy else NodeState.IDLE
