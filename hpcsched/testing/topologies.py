"""Made-up machines, regular or with the gaps that real ones have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count

from hpcsched.model.device import Device, DeviceKind
from hpcsched.model.idset import IdSet
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import Cache, Core, NumaNode, Topology
from hpcsched.model.units import GIB


def grid(
    packages: int = 1, nodes: int = 1, caches: int = 1, cores: int = 4, pus: int = 2, memory: int = GIB, gap: int = 1
) -> Topology:
    """`packages` of `nodes` NUMA nodes of `caches` L3 caches of `cores` cores of `pus` PUs; `memory` bytes on each NUMA node.

    PUs are numbered as x86 firmware does: the first of every core, then the second of every core. NUMA nodes get every
    `gap`-th OS index. SLIT distances are 12 inside a package and 21 between packages.
    """
    return uneven([[[cores] * caches] * nodes] * packages, pus, lambda _: memory, gap)


def uneven(shape: list[list[list[int]]], pus: int, memory: Callable[[int], int], gap: int = 1) -> Topology:
    """As `grid`, with the number of cores in each cache of each NUMA node of each package; `memory` by position of the node."""
    total = sum(cores for package in shape for node in package for cores in node)
    made, caches = list[Core](), list[Cache]()
    numbers, positions = count(), count()
    places: list[tuple[int, int, list[Core]]] = []
    for package, nodes in enumerate(shape):
        for node in nodes:
            index = next(positions) * gap
            groups = [[_core(next(numbers), package, index, pus, total) for _ in range(cores)] for cores in node]
            caches += [Cache(3, 32 << 20, _pus(group)) for group in groups if group]
            mine = [core for group in groups for core in group]
            places.append((package, index, mine))
            made += mine
    numa = (_node(position, places, memory) for position in range(len(places)))
    return Topology(tuple(made), tuple(numa), tuple(caches), "made up")


def offer_of(topology: Topology, name: str = "n1", cpus: IdSet | None = None, memory: int | None = None) -> NodeOffer:
    """All of the machine by default."""
    return NodeOffer(
        name, topology, topology.pus if cpus is None else cpus, topology.memory if memory is None else memory, "0", ""
    )


def with_devices(offer: NodeOffer, kind: DeviceKind, nodes: Sequence[int]) -> NodeOffer:
    """One more device beside each of these NUMA nodes (-1: it does not say where it is), with rising ids `0000:01:00.0`."""
    near = {node.os_index: node.pus for node in offer.topology.numa_nodes}
    first = len(offer.devices) + 1
    made = (_device(number, kind, numa, near.get(numa, IdSet())) for number, numa in enumerate(nodes, first))
    return replace(offer, devices=(*offer.devices, *made))


def with_memory(topology: Topology, *extra: NumaNode) -> Topology:
    """The machine with more NUMA nodes."""
    return replace(topology, numa_nodes=(*topology.numa_nodes, *extra))


def _device(number: int, kind: DeviceKind, numa: int, near: IdSet) -> Device:
    return Device(f"0000:{number:02x}:00.0", kind, "made up", numa, near)


def _core(number: int, package: int, numa: int, pus: int, total: int) -> Core:
    return Core(number, package, numa, IdSet.of(number + total * thread for thread in range(pus)))


def _node(position: int, places: list[tuple[int, int, list[Core]]], memory: Callable[[int], int]) -> NumaNode:
    package, index, cores = places[position]
    row = tuple((other, 10 if other == index else 12 if home == package else 21) for home, other, _ in places)
    return NumaNode(index, memory(position), _pus(cores), row)


def _pus(cores: list[Core]) -> IdSet:
    mask = 0
    for core in cores:
        mask |= core.pus.mask
    return IdSet(mask)
