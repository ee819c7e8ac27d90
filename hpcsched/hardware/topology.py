"""hwloc's XML (hwloc2.dtd) to a `Topology`; versions 2.x and 3.0 of the format differ in nothing that is read here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element

from hpcsched.errors import TopologyError
from hpcsched.hardware import lstopo
from hpcsched.hardware.lstopo import LIVE, TopologySource
from hpcsched.hardware.numa import HomeNodes, MemoryNode, read_distances
from hpcsched.hardware.xmltree import parse_xml
from hpcsched.model.idset import MAX_ID, IdSet
from hpcsched.model.topology import Cache, Core, NumaNode, Topology

_MASK = re.compile(r"(?:0x[0-9a-f]{1,8}|)(?:,(?:0x[0-9a-f]{1,8}|))*", re.ASCII)
_CACHE = re.compile(r"L([1-5])Cache")
"""Instruction caches are called L1iCache."""
_SUPPORTED = ("2.", "3.")
MAX_NODE = 1023
"""Linux has at most 1024 NUMA nodes (NODES_SHIFT)."""


def read_topology(
    source: TopologySource = LIVE, timeout_s: float = 10.0, total_memory: Callable[[], int] | None = None
) -> Topology:
    """The topology that hwloc sees at `source`, by default of this machine as far as this process may use it.

    With exactly one NUMA node that has memory, the live machine's memory is the larger of hwloc's figure and
    `total_memory()` (bytes, by default psutil's): the node's own figure misses memory that was hot-added.
    Raises MissingTool, TopologyError.
    """
    topology = parse_topology(lstopo.read(source, timeout_s))
    if source != LIVE:
        return topology
    return _with_total(topology, (total_memory or _psutil_total)())


def parse_topology(xml: bytes) -> Topology:
    """PUs and NUMA nodes that the operating system does not allow are left out. Raises TopologyError."""
    root = parse_xml(xml)
    _check_version(root)
    machine = root.find("object")
    if machine is None:
        raise TopologyError("the topology's XML has no machine in it")
    found = _Finder(machine)
    homes = HomeNodes(found.memory)
    cores = tuple(_core(seen, homes) for seen in found.cores if seen.pus)
    if not cores:
        raise TopologyError("the topology's XML has no processing unit that may be used")
    return Topology(cores, _numa_nodes(root, homes, cores), tuple(found.caches), found.cpu_model)


def topology_from_file(path: Path, timeout_s: float = 10.0) -> Topology:
    """From a file of hwloc XML; the version that hwloc 1 wrote is converted by lstopo. Raises TopologyError, MissingTool."""
    try:
        xml = path.read_bytes()
    except OSError as error:
        raise TopologyError(f"cannot read {path}: {error.strerror}") from None
    if b"<topology>" in xml[:1024]:
        xml = lstopo.read(TopologySource(("-i", str(path))), timeout_s)
    return parse_topology(xml)


def _check_version(root: Element) -> None:
    if root.tag != "topology":
        raise TopologyError(f"this is no hwloc XML: its root is <{root.tag[:40]}>, not <topology>")
    version = root.get("version")
    if version is None:
        raise TopologyError("this is the XML of hwloc 1; convert it with: lstopo-no-graphics -i FILE --of xml")
    if not version.startswith(_SUPPORTED):
        raise TopologyError(f"hwloc XML version {version[:20]!r} is not known; write it with hwloc 2 or 3")


@dataclass(frozen=True, slots=True)
class _SeenCore:
    logical: int
    package: int
    pus: int
    kernel_node: int


class _Finder:
    """One walk over the tree of objects, in document order, which is hwloc's logical order."""

    def __init__(self, machine: Element) -> None:
        self.allowed = _mask(machine, "allowed_cpuset", absent=-1)
        self.allowed_nodes = _mask(machine, "allowed_nodeset", absent=-1)
        self.cores: list[_SeenCore] = []
        self.memory: list[MemoryNode] = []
        self.caches: list[Cache] = []
        self.cpu_model = ""
        self._packages = self._logical = self._seen_pus = 0
        self._walk(machine, 0)

    def _walk(self, item: Element, package: int) -> None:
        kind = item.get("type", "")
        if kind in ("Core", "PU"):
            self._add_core(item, package)
            return
        if kind == "NUMANode":
            self._add_memory(item)
        elif kind == "Package":
            package = self._add_package(item)
        elif match := _CACHE.fullmatch(kind):
            self._add_cache(item, int(match[1]))
        for child in item.iterfind("object"):
            self._walk(child, package)

    def _add_core(self, item: Element, package: int) -> None:
        pus = self._claim(item)
        nodes = _mask(item, "complete_nodeset", absent=1) or 1
        self.cores.append(_SeenCore(self._logical, package, pus & self.allowed, (nodes & -nodes).bit_length() - 1))
        self._logical += 1

    def _claim(self, item: Element) -> int:
        """The PUs of this core. Caches and memory below a core are rare and hold no other PUs."""
        pus = 0
        for index in _pu_indexes(item):
            if (pus | self._seen_pus) >> index & 1:
                raise TopologyError(f"the topology's XML has PU {index} twice")
            pus |= 1 << index
        self._seen_pus |= pus
        return pus

    def _add_memory(self, item: Element) -> None:
        index = _number(item, "os_index", limit=MAX_NODE)
        if any(node.os_index == index for node in self.memory):
            raise TopologyError(f"the topology's XML has NUMA node {index} twice")
        size = _number(item, "local_memory", 0, limit=1 << 60) if self.allowed_nodes >> index & 1 else 0
        special = item.get("subtype", "DRAM") != "DRAM"
        self.memory.append(MemoryNode(index, size, _mask(item, "cpuset", absent=0), special))

    def _add_package(self, item: Element) -> int:
        position, self._packages = self._packages, self._packages + 1
        if not self.cpu_model:
            self.cpu_model = _info(item, "CPUModel")
        return _number(item, "os_index", position, limit=(1 << 32) - 1)

    def _add_cache(self, item: Element, level: int) -> None:
        pus = _mask(item, "cpuset", absent=0) & self.allowed
        if pus:
            self.caches.append(Cache(level, _number(item, "cache_size", 0, limit=1 << 40), IdSet(pus)))


def _pu_indexes(item: Element) -> Iterator[int]:
    if item.get("type") == "PU":
        yield _number(item, "os_index")
    for child in item.iterfind("object"):
        yield from _pu_indexes(child)


def _core(seen: _SeenCore, homes: HomeNodes) -> Core:
    return Core(seen.logical, seen.package, homes.claim(seen.pus, seen.kernel_node), IdSet(seen.pus))


def _numa_nodes(root: Element, homes: HomeNodes, cores: tuple[Core, ...]) -> tuple[NumaNode, ...]:
    known = {node.os_index: node.memory for node in homes.nodes}
    pus: dict[int, int] = dict.fromkeys(known, 0)
    for core in cores:
        pus[core.numa] = pus.get(core.numa, 0) | core.pus.mask
    rows = read_distances(root, frozenset(pus))
    return tuple(NumaNode(index, known.get(index, 0), IdSet(pus[index]), rows.get(index, ())) for index in sorted(pus))


def _mask(item: Element, name: str, absent: int) -> int:
    """hwloc's bitmap `0x0000000f,,0x1`: 32 bits in each part, the highest first, an empty part is zero."""
    text = item.get(name)
    if text is None:
        return absent
    parts = text.split(",")
    if len(parts) > MAX_ID // 32 or not _MASK.fullmatch(text):
        raise TopologyError(f"bad {name} {text[:60]!r} in the topology's XML")
    return int("".join(part[2:].rjust(8, "0") for part in parts), 16)


def _number(item: Element, name: str, absent: int | None = None, limit: int = MAX_ID) -> int:
    text = item.get(name)
    if text is None and absent is not None:
        return absent
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 20) or int(text) > limit:
        raise TopologyError(f"bad {name} {text and text[:40]!r} of a {item.get('type', '')[:20]} in the topology's XML")
    return int(text)


def _info(item: Element, name: str) -> str:
    value = next((info.get("value", "") for info in item.iterfind("info") if info.get("name") == name), "")
    return " ".join(value.split())[:120]


def _psutil_total() -> int:
    import psutil

    return int(psutil.virtual_memory().total)


def _with_total(topology: Topology, total: int) -> Topology:
    nodes = topology.numa_nodes
    holders = [node for node in nodes if node.memory] or list(nodes)
    if len(holders) != 1:
        return topology
    mended = replace(holders[0], memory=max(holders[0].memory, total))
    return replace(topology, numa_nodes=tuple(mended if node is holders[0] else node for node in nodes))
