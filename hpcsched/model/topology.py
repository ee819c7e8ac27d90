"""One node's hardware, in hwloc's words; every object is keyed by its OS index."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from hpcsched.model.idset import IdSet

TOPOLOGY_VERSION = 2


@dataclass(frozen=True, slots=True)
class Core:
    """`pus`: the hardware threads of this core. `logical`: hwloc's logical index, unique on the node.

    `die`: OS index within the package, 0 where packages have one. `kind`: index in the topology's `core_kinds`.
    """

    logical: int
    package: int
    numa: int
    pus: IdSet
    die: int = 0
    kind: int = 0


@dataclass(frozen=True, slots=True)
class NumaNode:
    """`memory` in bytes; `pus` is empty for a node of memory alone; `distances` by OS index of the other node, SLIT units.

    `tier`: DRAM, HBM, CXL, NVM or GPU (hwloc's subtype). `near`: the PUs that hwloc says are closest to it, also without PUs of
    its own.
    """

    os_index: int
    memory: int
    pus: IdSet
    distances: tuple[tuple[int, int], ...] = ()
    tier: str = "DRAM"
    near: IdSet = IdSet()

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
class PciDevice:
    """A PCI function as hwloc sees it: `address` like `0000:65:00.0`, `kind` GPU, NIC, NVMe, storage or other.

    `numa`: OS index of the nearest node, -1 where the firmware does not say; `cpus`: the PUs near it. `vendor_id`, `device_id`:
    16 bits each. `names`: of the operating system (`card0`, `ib0`, `nvme0n1`).
    """

    address: str
    kind: str
    numa: int
    cpus: IdSet
    vendor_id: int = 0
    device_id: int = 0
    names: tuple[str, ...] = ()
    model: str = ""


@dataclass(frozen=True, slots=True)
class Topology:
    """Cores in hwloc's logical order, which keeps neighbours side by side; NUMA nodes by OS index.

    `core_kinds`: names of the kinds of cores by rising performance, empty where all are alike. `offline`, `disallowed`: PUs of
    the machine that are switched off, or that this process must not use.
    """

    cores: tuple[Core, ...]
    numa_nodes: tuple[NumaNode, ...]
    caches: tuple[Cache, ...] = ()
    cpu_model: str = ""
    version: int = TOPOLOGY_VERSION
    devices: tuple[PciDevice, ...] = ()
    core_kinds: tuple[str, ...] = ()
    offline: IdSet = IdSet()
    disallowed: IdSet = IdSet()

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

    @property
    def digest(self) -> str:
        """SHA-256 over all that it holds, as hexadecimal digits: equal descriptions have equal digests."""
        return hashlib.sha256(repr(self).encode()).hexdigest()
