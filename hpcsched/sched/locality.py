"""Which memory a core uses, and what comes next when that is not enough."""

from __future__ import annotations

from collections.abc import Iterable

from hpcsched.model.topology import NumaNode, Topology


def ordinary(node: NumaNode) -> bool:
    """Memory with CPUs of its own: what a process gets that does not ask for another kind (HBM, CXL, a GPU's)."""
    return bool(node.memory and node.pus)


def serving(topology: Topology) -> dict[int, int]:
    """For each NUMA node with CPUs the node (both by OS index) whose memory these use: itself, or the nearest that has any.

    Memory without CPUs serves only where there is no other. Where no node has memory, each serves itself.
    """
    return {node.os_index: _server(topology, node) for node in topology.numa_nodes if node.pus}


def by_distance(topology: Topology, homes: Iterable[NumaNode]) -> list[NumaNode]:
    """NUMA nodes with memory: ordinary before other kinds, the nearest to any of the homes first, then by OS index."""
    near = list(homes)

    def key(node: NumaNode) -> tuple[bool, int, int]:
        return not ordinary(node), min((home.distance(node.os_index) for home in near), default=0), node.os_index

    return sorted((node for node in topology.numa_nodes if node.memory), key=key)


def _server(topology: Topology, node: NumaNode) -> int:
    if node.memory:
        return node.os_index
    return next((other.os_index for other in by_distance(topology, (node,))), node.os_index)
