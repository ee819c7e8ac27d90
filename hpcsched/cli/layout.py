"""A node's hardware as boxes inside boxes: what both drawings of it show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Cache, Core, NumaNode, Topology
from hpcsched.model.units import format_bytes

MOST_PACKAGES = 8


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring cores behind one outermost cache; `label` names it (`L3 32M`), empty where no cache is known."""

    label: str
    cores: tuple[Core, ...]

    @property
    def pus(self) -> IdSet:
        return _union(self.cores)


@dataclass(frozen=True, slots=True)
class NodeBox:
    title: str
    groups: tuple[Group, ...]

    @property
    def cores(self) -> int:
        return sum(len(group.cores) for group in self.groups)

    @property
    def pus(self) -> IdSet:
        return _union(core for group in self.groups for core in group.cores)


@dataclass(frozen=True, slots=True)
class PackageBox:
    title: str
    nodes: tuple[NodeBox, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """`title` and `footer` are lines around the packages; the footer, which may be empty, names memory without cores."""

    title: str
    packages: tuple[PackageBox, ...]
    footer: str


def lay_out(topology: Topology) -> Layout:
    """In hwloc's logical order. A NUMA node that spans packages is drawn in each, and named a part there."""
    nodes = {node.os_index: node for node in topology.numa_nodes}
    outermost = _outermost(topology.caches)
    boxes = tuple(
        PackageBox(_package_title(cores), tuple(_node_boxes(cores, nodes, outermost))) for cores in _by_package(topology.cores)
    )
    return Layout(_title(topology), boxes, _footer(topology))


def _by_package(cores: tuple[Core, ...]) -> list[tuple[Core, ...]]:
    """Some firmware calls every core a package: of very many, those of one NUMA node are drawn together."""
    packages, nodes = _packages(cores), len({core.numa for core in cores})
    merged = packages > max(MOST_PACKAGES, nodes)
    return [tuple(inside) for _, inside in groupby(cores, key=lambda core: core.numa if merged else core.package)]


def _package_title(cores: tuple[Core, ...]) -> str:
    return f"package {cores[0].package}" if _packages(cores) == 1 else counted(_packages(cores), "package")


def _packages(cores: tuple[Core, ...]) -> int:
    return len({core.package for core in cores})


def printable(text: str) -> str:
    """What a node says of itself, without control characters."""
    return "".join(char for char in text if char.isprintable())


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _node_boxes(cores: tuple[Core, ...], nodes: dict[int, NumaNode], caches: tuple[Cache, ...]) -> Iterator[NodeBox]:
    for index, inside in groupby(cores, key=lambda core: core.numa):
        mine = tuple(inside)
        yield NodeBox(_node_title(index, nodes.get(index), mine), tuple(_groups(mine, caches)))


def _node_title(index: int, node: NumaNode | None, cores: tuple[Core, ...]) -> str:
    if node is None:
        return f"NUMA node {index}"
    part = "" if node.pus <= _union(cores) else "part of "
    return f"{part}NUMA node {index} · {format_bytes(node.memory) if node.memory else 'no memory'}"


def _groups(cores: tuple[Core, ...], caches: tuple[Cache, ...]) -> Iterator[Group]:
    def cache_of(core: Core) -> int:
        return next((place for place, cache in enumerate(caches) if not cache.pus.isdisjoint(core.pus)), -1)

    for place, inside in groupby(cores, key=cache_of):
        yield Group(f"L{caches[place].level} {format_bytes(caches[place].size)}" if place >= 0 else "", tuple(inside))


def _outermost(caches: tuple[Cache, ...]) -> tuple[Cache, ...]:
    level = max((cache.level for cache in caches), default=0)
    return tuple(cache for cache in caches if cache.level == level)


def _title(topology: Topology) -> str:
    counts = (
        counted(_packages(topology.cores), "package"),
        counted(len(topology.numa_nodes), "NUMA node"),
        counted(len(topology.cores), "core"),
        counted(len(topology.pus), "PU"),
        format_bytes(topology.memory),
    )
    return " · ".join((printable(topology.cpu_model) or "unnamed CPU", *counts))


def _footer(topology: Topology) -> str:
    alone = [f"{node.os_index} ({format_bytes(node.memory)})" for node in topology.numa_nodes if not node.pus]
    return f"memory without cores: NUMA node {', '.join(alone)}" if alone else ""


def _union(cores: Iterable[Core]) -> IdSet:
    mask = 0
    for core in cores:
        mask |= core.pus.mask
    return IdSet(mask)
