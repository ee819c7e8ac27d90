"""What a job gets of one node: PUs, NUMA nodes, memory. The same offer and request always give the same binding."""

from __future__ import annotations

from collections.abc import Iterable

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.allocation import Binding
from hpcsched.model.idset import IdSet
from hpcsched.model.job import ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import NumaNode, Topology
from hpcsched.model.units import format_bytes
from hpcsched.sched.compact import compact_cores
from hpcsched.sched.locality import by_distance, serving


def bind(offer: NodeOffer, request: ResourceRequest) -> Binding:
    """The whole offer, or the part of it that the request names, compact (see `compact_cores`).

    Cores are given whole: `cpus_per_node` = 3 where cores have two PUs takes two cores and leaves one PU idle. The memory
    nodes are those of the chosen cores, more only when `mem_per_node` needs them. Raises Infeasible when this node can never
    give it, InvalidValue when the counts of cores and cpus contradict each other on this node.
    """
    if not offer.cpus:
        raise Infeasible(f"node {offer.name} hands out no cpus")
    cpus = _cpus(offer, request)
    memory = _memory(offer, request.mem_per_node)
    return Binding(cpus, _mems(offer, cpus, request.mem_per_node), memory)


def reserve(topology: Topology, cores: int) -> IdSet:
    """PUs of so many housekeeping cores: the first of the first NUMA node.

    The kernel's own work sits there already (boot CPU, timekeeping, interrupts that nobody moved), so jobs are disturbed
    least. Raises InvalidValue when none would be left for jobs.
    """
    if not 0 <= cores < len(topology.cores):
        raise InvalidValue(f"cannot reserve {cores} cores of a node that has {len(topology.cores)}: jobs need at least one")
    order = sorted(topology.cores, key=lambda core: (core.numa, core.logical))
    return _union(core.pus.mask for core in order[:cores])


def _cpus(offer: NodeOffer, request: ResourceRequest) -> IdSet:
    if request.cores_per_node:
        return _whole_cores(offer, request)
    if request.cpus_per_node:
        return _counted_pus(offer, request.cpus_per_node)
    return offer.cpus


def _whole_cores(offer: NodeOffer, request: ResourceRequest) -> IdSet:
    ask = request.cores_per_node
    cores = compact_cores(offer.topology, offer.cpus, ask, count_pus=False)
    if not cores:
        raise Infeasible(_too_many(offer, ask, "cores", _cores_in(offer)))
    pus = _union(cores)
    if not request.cpus_per_node:
        return pus
    if not len(pus) - cores[-1].bit_count() < request.cpus_per_node <= len(pus):
        raise InvalidValue(
            f"asks for {ask} cores and {request.cpus_per_node} cpus per node, but {ask} cores of node {offer.name} "
            f"have {len(pus)} cpus: give one of the two"
        )
    return _first_pus(cores, request.cpus_per_node)


def _counted_pus(offer: NodeOffer, ask: int) -> IdSet:
    cores = compact_cores(offer.topology, offer.cpus, ask, count_pus=True)
    if not cores:
        raise Infeasible(_too_many(offer, ask, "cpus", len(offer.cpus)))
    return _first_pus(cores, ask)


def _first_pus(cores: list[int], count: int) -> IdSet:
    """All PUs of all cores but the last, which gives its lowest ones."""
    full = _union(cores[:-1])
    return full | IdSet.of(sorted(IdSet(cores[-1]))[: count - len(full)])


def _memory(offer: NodeOffer, ask: int) -> int:
    limit = offer.memory or offer.topology.memory
    if limit and ask > limit:
        raise Infeasible(
            f"asks for {format_bytes(ask)} of memory per node, node {offer.name} hands out {format_bytes(limit)} at most"
        )
    return ask or offer.memory


def _mems(offer: NodeOffer, cpus: IdSet, ask: int) -> IdSet:
    topology = offer.topology
    homes = [node for node in topology.numa_nodes if not node.pus.isdisjoint(cpus)]
    if all(node.memory for node in homes):
        local = {node.os_index for node in homes}
    else:
        servers = serving(topology)
        local = {servers[node.os_index] for node in homes}
    if ask and not _holds(offer, local, ask):
        _widen(offer, homes, local, ask)
    return IdSet.of(local)


def _widen(offer: NodeOffer, homes: list[NumaNode], mems: set[int], ask: int) -> None:
    for node in by_distance(offer.topology, homes):
        mems.add(node.os_index)
        if _holds(offer, mems, ask):
            return


def _holds(offer: NodeOffer, mems: set[int], ask: int) -> bool:
    """Each NUMA node gives jobs the same fraction of its memory as the whole node does."""
    total = offer.topology.memory
    local = sum(node.memory for node in offer.topology.numa_nodes if node.os_index in mems)
    return local * (offer.memory or total) >= ask * total


def _cores_in(offer: NodeOffer) -> int:
    return sum(1 for core in offer.topology.cores if core.pus.mask & offer.cpus.mask)


def _too_many(offer: NodeOffer, ask: int, what: str, there: int) -> str:
    return f"asks for {ask} {what} per node, node {offer.name} hands out {there}"


def _union(masks: Iterable[int]) -> IdSet:
    union = 0
    for mask in masks:
        union |= mask
    return IdSet(union)
