"""One node's hardware, in hwloc's words; every object is keyed by its OS index."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsched.model.idset import IdSet

TOPOLOGY_VERSION = 1


@dataclass(frozen=True, slots=True)
class Core:
    """`pus`: the hardware threads of this core. `logical`: hwloc's logical index, unique on the node."""

    logical: int
    package: int
    numa: int
    pus: IdSet


@dataclass(frozen=True, slots=True)
class NumaNode:
    """`memory` in bytes; `pus` is empty for a node of memory alone; `distances` by OS index of the other node, SLIT units."""

    os_index: int
    memory: int
    pus: IdSet
    distances: tuple[tuple[int, int], ...] = ()

    def distance(self, other: int) -> int:
        """SLIT distance; 10 to itself and 20 to others where the firmware gives none (ACPI 6.5, 5.2.17)."""
        return dict(self.distances).get(other, 10 if other == self.os_index else 20)


@dataclass(frozen=True, slots=True)
class Cache:
    """`size` in bytes, `level` 1 to 5, data or unified caches only."""

    level: int
    size: int
    pus: IdSet


@dataclass(frozen=True, slots=True)
class Topology:
    """Cores in hwloc's logical order, which keeps neighbours side by side; NUMA nodes by OS index."""

    cores: tuple[Core, ...]
    numa_nodes: tuple[NumaNode, ...]
    caches: tuple[Cache, ...] = ()
    cpu_model: str = ""
    version: int = TOPOLOGY_VERSION

    @property
    def pus(self) -> IdSet:
        mask = 0
        for core in self.cores:
            mask |= core.pus.mask
        return IdSet(mask)

    @property
    def memory(self) -> int:
        """Bytes in all NUMA nodes."""
        return sum(node.memory for node in self.numa_nodes)
