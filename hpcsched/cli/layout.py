"""A node's hardware as boxes inside boxes: what both drawings of it show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from hpcsched.cli.beside import Beside, beside, inside, memory_size, notes
from hpcsched.cli.folding import printable as printable
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Cache, Core, NumaNode, Topology
from hpcsched.model.units import format_bytes, format_count

MOST_PACKAGES = 8


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring cores of one kind and die behind one outermost cache.

    `label` names these (`die 1 · L3 32M`) as far as there are several dies or kinds and a cache is known.
    """

    label: str
    cores: tuple[Core, ...]

    @property
    def pus(self) -> IdSet:
        return _union(self.cores)


@dataclass(frozen=True, slots=True)
class NodeBox:
    """`notes`: lines about memory and devices that are near this NUMA node alone."""

    title: str
    groups: tuple[Group, ...]
    notes: tuple[str, ...] = ()

    @property
    def cores(self) -> int:
        return sum(len(group.cores) for group in self.groups)

    @property
    def pus(self) -> IdSet:
        return _union(core for group in self.groups for core in group.cores)


@dataclass(frozen=True, slots=True)
class PackageBox:
    """`notes`: lines about what is near several of its NUMA nodes."""

    title: str
    nodes: tuple[NodeBox, ...]
    notes: tuple[str, ...] = ()

    @property
    def pus(self) -> IdSet:
        return IdSet.of(pu for node in self.nodes for pu in node.pus)


@dataclass(frozen=True, slots=True)
class Layout:
    """`title` and `notes` are lines around the packages; notes name what is in no box."""

    title: str
    packages: tuple[PackageBox, ...]
    notes: tuple[str, ...]


def lay_out(topology: Topology) -> Layout:
    """In hwloc's logical order. A NUMA node that spans packages is drawn in each, and named a part there."""
    things, maker = beside(topology), _Maker(topology)
    boxes = [
        _with_notes(PackageBox(_package_title(cores), tuple(maker.nodes(cores))), things) for cores in _by_package(topology.cores)
    ]
    placed = [one for box in boxes for one in inside(things, box.pus)]
    lost = [one for one in things if one not in placed]
    return Layout(_title(topology), tuple(boxes), (*notes(lost), *_unused(topology)))


def _with_notes(box: PackageBox, things: list[Beside]) -> PackageBox:
    nodes = tuple(replace(node, notes=notes(inside(things, node.pus))) for node in box.nodes)
    placed = [one for node in nodes for one in inside(things, node.pus)]
    rest = [one for one in inside(things, box.pus) if one not in placed]
    return replace(box, nodes=nodes, notes=notes(rest))


def _unused(topology: Topology) -> Iterator[str]:
    if topology.offline:
        yield f"offline: PUs {topology.offline}"
    if topology.disallowed:
        yield f"not allowed: PUs {topology.disallowed}"


def _by_package(cores: tuple[Core, ...]) -> list[tuple[Core, ...]]:
    """Some firmware calls every core a package: of very many, those of one NUMA node are drawn together."""
    packages, nodes = _packages(cores), len({core.numa for core in cores})
    merged = packages > max(MOST_PACKAGES, nodes)
    return [tuple(inside) for _, inside in groupby(cores, key=lambda core: core.numa if merged else core.package)]


def _package_title(cores: tuple[Core, ...]) -> str:
    return f"package {cores[0].package}" if _packages(cores) == 1 else format_count(_packages(cores), "package")


def _packages(cores: tuple[Core, ...]) -> int:
    return len({core.package for core in cores})


class _Maker:
    """Boxes for NUMA nodes of one machine."""

    def __init__(self, topology: Topology) -> None:
        self._nodes = {node.os_index: node for node in topology.numa_nodes}
        self._caches = _outermost(topology.caches)
        self._kinds = topology.core_kinds
        self._has_dies = any(core.die for core in topology.cores)

    def nodes(self, cores: tuple[Core, ...]) -> Iterator[NodeBox]:
        for index, members in groupby(cores, key=lambda core: core.numa):
            mine = tuple(members)
            yield NodeBox(_node_title(index, self._nodes.get(index), mine), tuple(self._groups(mine)))

    def _groups(self, cores: tuple[Core, ...]) -> Iterator[Group]:
        for label, members in groupby(cores, key=self._label):
            yield Group(" · ".join(part for part in label[:3] if part), tuple(members))

    def _label(self, core: Core) -> tuple[str, str, str, int]:
        """What its group is called, and which cache that is: neighbours may have caches of the same size."""
        place = next((place for place, cache in enumerate(self._caches) if not cache.pus.isdisjoint(core.pus)), -1)
        cache = f"L{self._caches[place].level} {format_bytes(self._caches[place].size)}" if place >= 0 else ""
        kind = self._kinds[core.kind] if core.kind < len(self._kinds) else ""
        return f"die {core.die}" if self._has_dies else "", cache, printable(kind), place


def _node_title(index: int, node: NumaNode | None, cores: tuple[Core, ...]) -> str:
    if node is None:
        return f"NUMA node {index}"
    part = "" if node.pus <= _union(cores) else "part of "
    return f"{part}NUMA node {index} · {memory_size(node)}"


def _outermost(caches: tuple[Cache, ...]) -> tuple[Cache, ...]:
    level = max((cache.level for cache in caches), default=0)
    return tuple(cache for cache in caches if cache.level == level)


def _title(topology: Topology) -> str:
    packages, dies = _packages(topology.cores), len({(core.package, core.die) for core in topology.cores})
    gpus = sum(device.kind == "GPU" for device in topology.devices)
    counts = (
        format_count(packages, "package"),
        format_count(dies, "die") if dies > packages else "",
        format_count(len(topology.numa_nodes), "NUMA node"),
        format_count(len(topology.cores), "core"),
        format_count(len(topology.pus), "PU"),
        format_bytes(topology.memory),
        format_count(gpus, "GPU") if gpus else "",
    )
    return " · ".join((printable(topology.cpu_model) or "unnamed CPU", *filter(None, counts)))


def _union(cores: Iterable[Core]) -> IdSet:
    mask = 0
    for core in cores:
        mask |= core.pus.mask
    return IdSet(mask)
