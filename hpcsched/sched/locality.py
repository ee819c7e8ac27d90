"""Which memory a core uses, and what comes next when that is not enough."""

from __future__ import annotations

from collections.abc import Iterable

from hpcsched.model.topology import NumaNode, Topology

_RANKS = {"DRAM": 1, "CXL": 2, "NVM": 3, "HBM": 4}
"""Memory without CPUs, in the order in which a job that asks for much gets it. HBM is last: it is small, and a program that
gains by it asks for it itself."""
DEVICE_TIERS = frozenset({"GPU"})
"""Memory on a device, which its driver hands out: never for jobs as memory of the node."""


def for_jobs(node: NumaNode) -> bool:
    """Memory that the kernel hands out to any process."""
    return bool(node.memory) and node.tier not in DEVICE_TIERS


def ordinary(node: NumaNode) -> bool:
    """Memory with CPUs of its own: what a process gets that does not ask for another kind (HBM, CXL)."""
    return for_jobs(node) and bool(node.pus)


def serving(topology: Topology) -> dict[int, int]:
    """For each NUMA node with CPUs the node (both by OS index) whose memory these use: itself, or the nearest that has any.

    Memory without CPUs serves only where there is no other. Where no node has memory, each serves itself.
    """
    return {node.os_index: _server(topology, node) for node in topology.numa_nodes if node.pus}


def by_distance(topology: Topology, homes: Iterable[NumaNode]) -> list[NumaNode]:
    """NUMA nodes with memory for jobs: ordinary before other kinds, the nearest to any of the homes first, then by OS index.

    Of other kinds DRAM comes before CXL, NVM and HBM.
    """
    near = list(homes)

    def key(node: NumaNode) -> tuple[int, int, bool, int]:
        rank = 0 if ordinary(node) else _RANKS.get(node.tier, len(_RANKS) + 1)
        away = all(node.near.isdisjoint(home.pus) for home in near)
        return rank, min((home.distance(node.os_index) for home in near), default=0), away, node.os_index

    return sorted((node for node in topology.numa_nodes if for_jobs(node)), key=key)


def _server(topology: Topology, node: NumaNode) -> int:
    if for_jobs(node):
        return node.os_index
    return next((other.os_index for other in by_distance(topology, (node,))), node.os_index)
