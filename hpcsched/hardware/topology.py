"""hwloc's XML (hwloc2.dtd) to a `Topology`; versions 2.x and 3.0 of the format differ in nothing that is read here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from operator import or_
from pathlib import Path
from xml.etree.ElementTree import Element

from hpcsched.errors import TopologyError
from hpcsched.hardware import lstopo
from hpcsched.hardware.attributes import mask
from hpcsched.hardware.corekinds import with_kinds
from hpcsched.hardware.lstopo import LIVE, TopologySource
from hpcsched.hardware.numa import HomeNodes, read_distances
from hpcsched.hardware.pci import chosen, located, nvidia_gpus
from hpcsched.hardware.tiers import tiers
from hpcsched.hardware.walk import SeenCore, Walk
from hpcsched.hardware.xmltree import MAX_XML_BYTES, parse_xml
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Core, NumaNode, PciDevice, Topology

_SUPPORTED = ("2.", "3.")
_PCI_DEVICES = Path("/sys/bus/pci/devices")


def read_topology(
    source: TopologySource = LIVE, timeout_s: float = 10.0, total_memory: Callable[[], int] | None = None
) -> Topology:
    """The topology that hwloc sees at `source`, by default of this machine as far as this process may use it.

    With exactly one NUMA node that has memory, the live machine's memory is the larger of hwloc's figure and
    `total_memory()` (bytes, by default psutil's): the node's own figure misses memory that was hot-added. The live machine's
    devices are without virtual functions, which are no hardware and come and go.
    Raises MissingTool, TopologyError.
    """
    xml = lstopo.read(source, timeout_s)
    if source != LIVE:
        return parse_topology(xml)
    return _with_total(parse_topology(xml, _is_virtual), (total_memory or _psutil_total)())


def parse_topology(xml: bytes, is_virtual: Callable[[str], bool] = lambda address: False) -> Topology:
    """PUs and NUMA nodes that the operating system does not allow are left out, and PCI devices that `is_virtual`.

    In a file that hwloc wrote without those, PUs that are not allowed cannot be told from those that are offline, and count
    as such. Raises TopologyError.
    """
    root = parse_xml(xml)
    _check_version(root)
    machine = root.find("object")
    if machine is None:
        raise TopologyError("the topology's XML has no machine in it")
    seen = Walk(machine)
    if not seen.cores:
        raise TopologyError("the topology's XML has no processing unit that may be used")
    homes = HomeNodes(list(seen.memory.values()))
    cores, kinds = with_kinds(root, tuple(_core(number, one, seen, homes) for number, one in enumerate(seen.cores)))
    devices = located(chosen(one for one in seen.devices.values() if not is_virtual(one.address)), cores)
    return Topology(
        cores,
        _numa_nodes(root, seen, homes, cores, devices),
        tuple(seen.caches),
        seen.cpu_model,
        devices=devices,
        core_kinds=kinds,
        offline=IdSet(mask(machine, "complete_cpuset", absent=0) & ~seen.all_pus),
        disallowed=IdSet(seen.all_pus & ~seen.allowed),
    )


def topology_from_file(path: Path, timeout_s: float = 10.0) -> Topology:
    """From a file of hwloc XML; the version that hwloc 1 wrote is converted by lstopo. Raises TopologyError, MissingTool."""
    try:
        with path.open("rb") as file:
            xml = file.read(MAX_XML_BYTES + 1)
    except OSError as error:
        raise TopologyError(f"cannot read {path}: {error.strerror}") from None
    if b"<topology>" in xml[:1024] and len(xml) <= MAX_XML_BYTES:
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


def _core(logical: int, seen: SeenCore, walk: Walk, homes: HomeNodes) -> Core:
    die = seen.die if walk.dies.get(seen.package, 0) > 1 else 0
    return Core(logical, seen.package, homes.claim(seen.pus, seen.kernel_node), IdSet(seen.pus), die)


def _numa_nodes(
    root: Element, seen: Walk, homes: HomeNodes, cores: tuple[Core, ...], devices: tuple[PciDevice, ...]
) -> tuple[NumaNode, ...]:
    """Those that may be used, and those that cores belong to."""
    pus = {index: 0 for index in seen.memory if seen.allowed_nodes >> index & 1}
    for core in cores:
        pus[core.numa] = pus.get(core.numa, 0) | core.pus.mask
    there = reduce(or_, pus.values(), 0)
    rows = read_distances(root, frozenset(pus))
    kinds = tiers(root, homes, frozenset(index for index, mine in pus.items() if mine), nvidia_gpus(devices))
    return tuple(
        NumaNode(index, memory, IdSet(pus[index]), rows.get(index, ()), kinds.get(index, "DRAM"), IdSet(near & there))
        for index in sorted(pus)
        for memory, near in [_memory(seen, index)]
    )


def _memory(seen: Walk, index: int) -> tuple[int, int]:
    """Bytes, and the mask of the PUs near it."""
    node = seen.memory.get(index)
    return (node.memory, node.pus) if node else (0, 0)


def _is_virtual(address: str) -> bool:
    """A virtual function names the device that it is one of (Documentation/ABI/testing/sysfs-bus-pci)."""
    return (_PCI_DEVICES / address / "physfn").exists()


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
