"""What this node offers: its topology less what the site keeps for itself."""

from __future__ import annotations

import socket
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from hpcsched.agent import inventory
from hpcsched.agent.facts import node_facts
from hpcsched.config import AgentConfig
from hpcsched.errors import ConfigError, InvalidValue
from hpcsched.hardware.cgroup_layout import read_layout
from hpcsched.hardware.host import boot_id, restrict
from hpcsched.hardware.hugepages import read_pools
from hpcsched.hardware.topology import read_topology
from hpcsched.model.allocation import HugePages
from hpcsched.model.idset import IdSet
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import Topology
from hpcsched.model.units import GIB, MIB, format_bytes, parse_bytes
from hpcsched.sched.binding import reserve
from hpcsched.sched.memory import without_pools


def make(config: AgentConfig) -> NodeOffer:
    """Read the hardware. Raises ConfigError, MissingTool, TopologyError."""
    whole = read_topology()
    topology = _owned(whole, config.cpus)
    cpus = topology.pus - reserve(topology, config.reserved_cores, config.reserved_spread)
    if not cpus:
        raise ConfigError(f"[agent] reserved_cores = {config.reserved_cores} leaves no core of {len(topology.cores)} for jobs")
    pools = share_of_pools(read_pools(), whole, topology)
    memory = sum(without_pools(topology, pools).values())
    return NodeOffer(
        name=config.name or socket.gethostname(),
        topology=topology,
        cpus=cpus,
        memory=max(0, memory - reserved_memory(config.reserved_memory, memory)),
        version=version("hpcsched"),
        boot_id=boot_id(),
        devices=inventory.offered(config),
        hugepages=pools,
        machine=whole.digest,
        tunings=tuple(name for name, _ in config.tunings),
        features=tuple(sorted(set(config.features))),
        facts=node_facts(config, read_layout(Path("/proc/self/mountinfo").read_text()), version("hpcsched"), whole.digest),
    )


def _owned(topology: Topology, cpus: str) -> Topology:
    owned = owned_pus(cpus)
    if not owned <= topology.pus:
        raise ConfigError(f"[agent] cpus = {cpus!r}: this node has {topology.pus}")
    return restrict(topology, owned) if owned else topology


def owned_pus(cpus: str) -> IdSet:
    """`[agent] cpus`; empty for all. Raises ConfigError."""
    try:
        return IdSet.parse(cpus)
    except InvalidValue as error:
        raise ConfigError(f"[agent] cpus = {cpus!r}: {error}") from None


def share_of_pools(pools: tuple[HugePages, ...], whole: Topology, part: Topology) -> tuple[HugePages, ...]:
    """What a node has of the machine's pools: of each the fraction that it has of that NUMA node's memory, whole pages."""
    all_memory = {node.os_index: node.memory for node in whole.numa_nodes}
    mine = {node.os_index: node.memory for node in part.numa_nodes}
    cut = (replace(pool, count=_fraction(pool.count, mine.get(pool.numa, 0), all_memory.get(pool.numa, 0))) for pool in pools)
    return tuple(pool for pool in cut if pool.count)


def _fraction(count: int, part: int, whole: int) -> int:
    return count * part // whole if whole else 0


def reserved_memory(text: str, total: int) -> int:
    """Bytes kept from jobs; `auto` is 2 % of the node, 256 MiB to 4 GiB, but never more than half of it. Raises ConfigError."""
    if text == "auto":
        return min(max(256 * MIB, total // 50), 4 * GIB, total // 2)
    try:
        kept = parse_bytes(text)
    except InvalidValue as error:
        raise ConfigError(f"[agent] reserved_memory: {error}, or auto") from None
    if total and kept >= total:
        raise ConfigError(f"[agent] reserved_memory = {text!r} leaves nothing of {format_bytes(total)} for jobs")
    return kept
