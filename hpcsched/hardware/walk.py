"""One walk over hwloc's tree of objects, in document order, which is hwloc's logical order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from hpcsched.errors import TopologyError
from hpcsched.hardware.attributes import info, mask, number
from hpcsched.hardware.numa import MemoryNode
from hpcsched.hardware.pci import read_device
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Cache, PciDevice

MAX_NODE = 1023
"""Linux has at most 1024 NUMA nodes (NODES_SHIFT)."""
_CACHE = re.compile(r"L([1-5])Cache")
"""Instruction caches are called L1iCache."""
_ANY_INDEX = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class SeenCore:
    """`die`: OS index within the package. `pus`: a mask. `kernel_node`: the NUMA node that the kernel gives it."""

    package: int
    die: int
    pus: int
    kernel_node: int


@dataclass(frozen=True, slots=True)
class _Place:
    """What an object is inside of; `pus`: mask of those of the innermost object that has any."""

    package: int = 0
    die: int = 0
    pus: int = 0


class Walk:
    """What there is below the machine. Cores, caches and memory are those that may be used; `all_pus` are all that are online.

    Raises TopologyError.
    """

    def __init__(self, machine: Element) -> None:
        self.allowed = mask(machine, "allowed_cpuset", absent=-1)
        self.allowed_nodes = mask(machine, "allowed_nodeset", absent=-1)
        self.cores: list[SeenCore] = []
        self.memory: dict[int, MemoryNode] = {}
        self.caches: list[Cache] = []
        self.devices: dict[str, PciDevice] = {}
        self.cpu_model = ""
        self.all_pus = 0
        self.dies: dict[int, int] = {}
        """How many dies each package has."""
        self._packages = 0
        self._walk(machine, _Place())

    def _walk(self, item: Element, place: _Place) -> None:
        kind = item.get("type", "")
        if kind in ("Core", "PU"):
            self._add_core(item, place)
        elif kind == "PCIDev":
            self._add_device(item, place)
        else:
            place = self._inside(item, kind, place)
            for child in item.iterfind("object"):
                self._walk(child, place)

    def _inside(self, item: Element, kind: str, place: _Place) -> _Place:
        if kind == "NUMANode":
            self._add_memory(item)
        elif kind == "Package":
            place = _Place(self._add_package(item))
        elif kind == "Die":
            place = replace(place, die=self._add_die(item, place.package))
        elif match := _CACHE.fullmatch(kind):
            self._add_cache(item, int(match[1]))
        return replace(place, pus=mask(item, "cpuset", absent=place.pus) & self.allowed)

    def _add_core(self, item: Element, place: _Place) -> None:
        pus = self._claim(item) & self.allowed
        nodes = mask(item, "complete_nodeset", absent=1) or 1
        if pus:
            self.cores.append(SeenCore(place.package, place.die, pus, (nodes & -nodes).bit_length() - 1))

    def _claim(self, item: Element) -> int:
        """The PUs of this core. Caches and memory below a core are rare and hold no other PUs."""
        pus = 0
        for index in _pu_indexes(item):
            if (pus | self.all_pus) >> index & 1:
                raise TopologyError(f"the topology's XML has PU {index} twice")
            pus |= 1 << index
        self.all_pus |= pus
        return pus

    def _add_memory(self, item: Element) -> None:
        index = number(item, "os_index", limit=MAX_NODE)
        if index in self.memory:
            raise TopologyError(f"the topology's XML has NUMA node {index} twice")
        size = number(item, "local_memory", 0, limit=1 << 60) if self.allowed_nodes >> index & 1 else 0
        pus = mask(item, "cpuset", absent=0)
        self.memory[index] = MemoryNode(index, size, pus, item.get("subtype", ""), item.get("gp_index", ""))

    def _add_package(self, item: Element) -> int:
        position, self._packages = self._packages, self._packages + 1
        if not self.cpu_model:
            self.cpu_model = info(item, "CPUModel")
        return number(item, "os_index", position, limit=_ANY_INDEX)

    def _add_die(self, item: Element, package: int) -> int:
        position = self.dies.get(package, 0)
        self.dies[package] = position + 1
        return number(item, "os_index", position, limit=_ANY_INDEX)

    def _add_cache(self, item: Element, level: int) -> None:
        pus = mask(item, "cpuset", absent=0) & self.allowed
        if pus:
            self.caches.append(Cache(level, number(item, "cache_size", 0, limit=1 << 40), IdSet(pus)))

    def _add_device(self, item: Element, place: _Place) -> None:
        device = read_device(item, place.pus)
        if device.address in self.devices:
            raise TopologyError(f"the topology's XML has PCI device {device.address} twice")
        self.devices[device.address] = device


def _pu_indexes(item: Element) -> Iterator[int]:
    if item.get("type") == "PU":
        yield number(item, "os_index")
    for child in item.iterfind("object"):
        yield from _pu_indexes(child)
