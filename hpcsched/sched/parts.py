"""Several jobs of one kind side by side on one node, as the parts of a job array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.allocation import Binding, HugePages
from hpcsched.model.idset import IdSet
from hpcsched.model.job import ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.sched.binding import bind
from hpcsched.sched.hugepages import pool, summed
from hpcsched.sched.layout import outermost_caches, union
from hpcsched.sched.memory import handouts
from hpcsched.sched.tasks import sized_by_tasks


def side_by_side(offer: NodeOffer, request: ResourceRequest, most: int) -> tuple[Binding, ...]:
    """Up to `most` bindings that share no core, GPU, huge page or byte, nor an outermost cache where there is room for that.

    A part without an ask for memory gets the share of its NUMA nodes that it has of their cpus; one without an ask for GPUs gets
    none. Network cards are shared. A request that says no number of cpus takes the whole node, alone. Raises Infeasible and
    InvalidValue as `bind` does when not even one fits.
    """
    first = bind(offer, request)
    if most < 2 or not counted(request):
        return (first,)[:most]
    asked = request if request.gpus_per_node else replace(request, gpus_per_node=0)
    apart = _parts(offer, asked, most, whole_caches=True)
    if len(apart) == most:
        return apart
    close = _parts(offer, asked, most, whole_caches=False)
    return close if len(close) > len(apart) else apart


def beside(offer: NodeOffer, taken: Sequence[Binding], request: ResourceRequest) -> Binding | None:
    """One more binding that shares nothing with those taken, as `side_by_side` has it; None: no room."""
    left, cores = _exact(offer), [core.pus.mask for core in offer.topology.cores]
    for part in taken:
        left = _less(left, part, cores)
    found = _next(left, request) if left.cpus else None
    return found if found is None or request.mem_per_node else _with_fair_memory(found, offer)


def counted(request: ResourceRequest) -> bool:
    """It says how many cpus it takes."""
    return bool(request.cpus_per_node or request.cores_per_node) or sized_by_tasks(request)


def _parts(offer: NodeOffer, request: ResourceRequest, most: int, whole_caches: bool) -> tuple[Binding, ...]:
    units = outermost_caches(offer.topology) if whole_caches else []
    units += [core.pus.mask for core in offer.topology.cores]
    left, parts = _exact(offer), list[Binding]()
    while len(parts) < most and (found := _next(left, request)):
        part = found if request.mem_per_node else _with_fair_memory(found, offer)
        parts.append(part)
        left = _less(left, part, units)
    return tuple(parts)


def _next(left: NodeOffer, request: ResourceRequest) -> Binding | None:
    """On NUMA nodes that have the memory and pages of a whole part left, if it fits there."""
    for offer in (replace(left, cpus=_roomy(left, request)), left):
        try:
            return bind(offer, request)
        except (Infeasible, InvalidValue):
            continue
    return None


def _roomy(left: NodeOffer, request: ResourceRequest) -> IdSet:
    there, asked = handouts(left), summed(request.hugepages)
    roomy = IdSet()
    for node in left.topology.numa_nodes:
        pages = all(pool(left, size).get(node.os_index, 0) >= count for size, count in asked.items())
        if pages and there.get(node.os_index, 0) >= request.mem_per_node:
            roomy |= node.pus & left.cpus
    return roomy


def _exact(offer: NodeOffer) -> NodeOffer:
    """The same offer with each NUMA node's memory as what jobs may have of it and of its pools."""
    there = handouts(offer)
    return _with_memory(offer, there, offer.hugepages) if there else offer


def _with_memory(offer: NodeOffer, there: dict[int, int], pools: tuple[HugePages, ...]) -> NodeOffer:
    sizes = dict(there)
    for part in pools:
        if part.numa in sizes:
            sizes[part.numa] += part.size * part.count
    nodes = tuple(replace(node, memory=sizes.get(node.os_index, 0)) for node in offer.topology.numa_nodes)
    topology = replace(offer.topology, numa_nodes=nodes)
    return replace(offer, topology=topology, memory=sum(sizes.values()), hugepages=pools)


def _less(offer: NodeOffer, part: Binding, units: list[int]) -> NodeOffer:
    """What is left when the part has taken its units (cores or caches), devices, pages and memory."""
    taken = IdSet(union(unit for unit in units if unit & part.cpus.mask))
    there, gone = handouts(offer), dict(part.memory_split)
    rest = {index: size - gone.get(index, 0) for index, size in there.items()}
    devices = tuple(device for device in offer.devices if device.id not in part.gpus)
    used_up = bool(there) and not any(rest.values())
    left = replace(offer, cpus=IdSet() if used_up else offer.cpus - taken, devices=devices)
    pools = _pools_less(offer.hugepages, part.hugepages)
    return _with_memory(left, rest, pools) if there else replace(left, hugepages=pools)


def _pools_less(pools: tuple[HugePages, ...], taken: tuple[HugePages, ...]) -> tuple[HugePages, ...]:
    gone = {(page.numa, page.size): page.count for page in taken}
    return tuple(replace(part, count=part.count - gone.get((part.numa, part.size), 0)) for part in pools)


def _with_fair_memory(part: Binding, offer: NodeOffer) -> Binding:
    there, split = handouts(offer), list[tuple[int, int]]()
    nodes = {node.os_index: node for node in offer.topology.numa_nodes}
    for index in part.mems:
        sharers = nodes[index].pus & offer.cpus
        split.append((index, there.get(index, 0) * len(sharers & part.cpus) // len(sharers) if sharers else 0))
    memory = sum(size for _, size in split)
    return replace(part, memory=memory, memory_split=tuple(split) if memory else ())
