"""What this node offers: its topology less what the site keeps for itself."""

from __future__ import annotations

import socket
from importlib.metadata import version

from hpcsched.config import AgentConfig
from hpcsched.errors import ConfigError
from hpcsched.hardware.host import boot_id, restrict
from hpcsched.hardware.topology import read_topology
from hpcsched.model.idset import IdSet
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import Topology
from hpcsched.model.units import GIB, MIB, parse_bytes
from hpcsched.sched.binding import reserve


def make(config: AgentConfig) -> NodeOffer:
    """Read the hardware. Raises ConfigError, MissingTool, TopologyError."""
    topology = _owned(read_topology(), config.cpus)
    cpus = topology.pus - reserve(topology, config.reserved_cores)
    if not cpus:
        raise ConfigError(f"[agent] reserved_cores = {config.reserved_cores} leaves no core of {len(topology.cores)} for jobs")
    return NodeOffer(
        name=config.name or socket.gethostname(),
        topology=topology,
        cpus=cpus,
        memory=max(0, topology.memory - reserved_memory(config.reserved_memory, topology.memory)),
        version=version("hpcsched"),
        boot_id=boot_id(),
    )


def _owned(topology: Topology, cpus: str) -> Topology:
    owned = IdSet.parse(cpus)
    if not owned <= topology.pus:
        raise ConfigError(f"[agent] cpus = {cpus!r}: this node has {topology.pus}")
    return restrict(topology, owned) if owned else topology


def reserved_memory(text: str, total: int) -> int:
    """Bytes kept from jobs; `auto` is 2 % of the node, 256 MiB to 4 GiB, but never more than half of it."""
    if text == "auto":
        return min(max(256 * MIB, total // 50), 4 * GIB, total // 2)
    return parse_bytes(text)
