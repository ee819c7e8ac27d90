"""One machine as several nodes: who gets which cores, and what each then sees of the hardware."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hpcsched.errors import InvalidValue
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Cache, Core, NumaNode, PciDevice, Topology
from hpcsched.sched.locality import serving


def share(topology: Topology, count: int) -> tuple[IdSet, ...]:
    """The PUs of `count` disjoint runs of whole neighbouring cores that differ by one core at most.

    Raises InvalidValue when there are fewer cores than that.
    """
    cores = topology.cores
    if not 1 <= count <= len(cores):
        raise InvalidValue(f"cannot make {count} nodes of a machine with {len(cores)} cores: each needs at least one")
    bounds = [len(cores) * position // count for position in range(count + 1)]
    return tuple(_pus(cores[first:last]) for first, last in pairwise(bounds))


def restrict(topology: Topology, cpus: IdSet) -> Topology:
    """The machine as a node sees it that owns only these PUs.

    Of each NUMA node's memory it gets the fraction that it has of the PUs which use that memory; memory that no PU uses by
    default (HBM, CXL, a GPU's) is split by the PUs of the whole machine. Nodes of which nothing is left are taken out. All
    devices stay, with what of their surroundings the node owns.
    Raises InvalidValue when no core is left.
    """
    cores = tuple(replace(core, pus=core.pus & cpus) for core in topology.cores if not core.pus.isdisjoint(cpus))
    if not cores:
        raise InvalidValue(f"none of the cpus {cpus} exist on this machine, which has {topology.pus}")
    users = _users(topology)
    nodes = tuple(_part(node, cpus, users.get(node.os_index, topology.pus)) for node in topology.numa_nodes)
    kept = frozenset(node.os_index for node in nodes if node.memory or node.pus)
    return replace(
        topology,
        cores=cores,
        numa_nodes=tuple(_known_distances(node, kept) for node in nodes if node.os_index in kept),
        caches=tuple(_cut(cache, cpus) for cache in topology.caches if not cache.pus.isdisjoint(cpus)),
        devices=tuple(_seen_from(device, cpus, kept) for device in topology.devices),
    )


def _users(topology: Topology) -> dict[int, IdSet]:
    """By OS index of the NUMA node, the PUs whose memory it is."""
    servers, users = serving(topology), dict[int, IdSet]()
    for node in topology.numa_nodes:
        if node.pus:
            server = servers[node.os_index]
            users[server] = users.get(server, IdSet()) | node.pus
    return users


def _part(node: NumaNode, cpus: IdSet, users: IdSet) -> NumaNode:
    return replace(node, pus=node.pus & cpus, near=node.near & cpus, memory=node.memory * len(users & cpus) // len(users))


def _known_distances(node: NumaNode, known: frozenset[int]) -> NumaNode:
    return replace(node, distances=tuple(pair for pair in node.distances if pair[0] in known))


def _cut(cache: Cache, cpus: IdSet) -> Cache:
    return replace(cache, pus=cache.pus & cpus)


def _seen_from(device: PciDevice, cpus: IdSet, known: frozenset[int]) -> PciDevice:
    return replace(device, numa=device.numa if device.numa in known else -1, cpus=device.cpus & cpus)


def _pus(cores: tuple[Core, ...]) -> IdSet:
    mask = 0
    for core in cores:
        mask |= core.pus.mask
    return IdSet(mask)
