"""The tasks of a job on one node: which PUs, memory nodes and GPUs each has."""

from __future__ import annotations

from collections.abc import Sequence

from hpcsched.errors import HpcschedError, Infeasible, InvalidValue
from hpcsched.model.allocation import TaskBinding
from hpcsched.model.device import Device
from hpcsched.model.idset import IdSet
from hpcsched.model.job import ResourceRequest, TaskBind
from hpcsched.model.node import NodeOffer
from hpcsched.sched.carve import carve
from hpcsched.sched.cores import Usable
from hpcsched.sched.even import cut
from hpcsched.sched.gpus import deal_gpus
from hpcsched.sched.layout import Group, groups_of, union, weight
from hpcsched.sched.locality import serving
from hpcsched.sched.numa_choice import deal, pick


def sized_by_tasks(request: ResourceRequest) -> bool:
    """The tasks alone say how many PUs the job takes: each says how many it has, and nothing else does, or the same number."""
    needed = request.ntasks_per_node * request.cpus_per_task
    return bool(needed) and not request.cores_per_node and request.cpus_per_node in (0, needed)


def compact_tasks(usable: Usable, request: ResourceRequest) -> list[int]:
    """PUs of each task where the tasks say what the job takes: close together, as `pick` orders it. Raises Infeasible."""
    groups = usable.groups()
    places = carve(groups, request.cpus_per_task, request.ntasks_per_node, request.bind)
    if not places:
        raise _too_many_cpus(usable, request, groups)
    return pick(usable.offer.topology, places, request.ntasks_per_node, False, usable.weights)


def tasks_within(usable: Usable, cpus: IdSet, request: ResourceRequest) -> list[int]:
    """PUs of each task inside the job's cpus, spread over NUMA nodes and caches in proportion to the PUs there.

    Without `cpus_per_task` all cpus are shared out. Raises Infeasible when the node has too few cpus for the tasks, InvalidValue
    when the job asks for too few.
    """
    count, size, topology = request.ntasks_per_node, request.cpus_per_task, usable.offer.topology
    if count * max(size, 1) > len(cpus):
        raise _too_few(usable, cpus, request)
    if request.bind is TaskBind.NONE:
        return [cpus.mask] * count
    groups = groups_of(topology, cpus.mask)
    if size:
        return _spread(carve(groups, size, count, request.bind), count)
    return _whole_atoms(groups, count, request.bind) or cut(topology, groups, count)


def bind_tasks(offer: NodeOffer, masks: Sequence[int], gpus: Sequence[Device]) -> tuple[TaskBinding, ...]:
    """Each task with the memory nodes that its cpus use and its share of the GPUs."""
    servers = serving(offer.topology)
    nodes = [(node.os_index, node.pus.mask) for node in offer.topology.numa_nodes if node.pus]
    mems = [IdSet.of(servers[index] for index, pus in nodes if pus & mask) for mask in masks]
    shares = deal_gpus(offer.topology, [_home(nodes, mask) for mask in masks], gpus)
    return tuple(TaskBinding(IdSet(mask), near, share) for mask, near, share in zip(masks, mems, shares, strict=True))


def _home(nodes: Sequence[tuple[int, int]], mask: int) -> int:
    """OS index of the NUMA node that has most of these PUs, the lowest of several."""
    return -max(((pus & mask).bit_count(), -index) for index, pus in nodes)[1]


def _too_many_cpus(usable: Usable, request: ResourceRequest, groups: list[Group]) -> Infeasible:
    tasks, size = request.ntasks_per_node, request.cpus_per_task
    there = sum(weight(group, True) for group in groups)
    return Infeasible(
        f"asks for {tasks} tasks of {size} cpus per node, which need {tasks * size} cpus{usable.words()}, "
        f"node {usable.offer.name} hands out {there}"
    )


def _too_few(usable: Usable, cpus: IdSet, request: ResourceRequest) -> HpcschedError:
    of = f" of {request.cpus_per_task} cpus" if request.cpus_per_task else ""
    asked = f"asks for {request.ntasks_per_node} tasks{of} per node"
    if request.cores_per_node or request.cpus_per_node:
        return InvalidValue(
            f"{asked}, but for {len(cpus)} cpus of node {usable.offer.name} only: ask for fewer tasks or more cpus"
        )
    return Infeasible(f"{asked}{usable.words()}, node {usable.offer.name} hands out {len(cpus)} cpus")


def _whole_atoms(groups: Sequence[Group], count: int, bind: TaskBind) -> list[int]:
    """Even runs of whole groups or NUMA nodes; empty when there are fewer of these than tasks, which then share them."""
    if bind is TaskBind.CORES:
        return []
    nodes: dict[int, int] = {}
    for group in groups:
        nodes[group.numa] = nodes.get(group.numa, 0) | union(group.cores)
    atoms = [union(group.cores) for group in groups] if bind is TaskBind.L3 else list(nodes.values())
    if count > len(atoms):
        return []
    return [union(atoms[part * len(atoms) // count : (part + 1) * len(atoms) // count]) for part in range(count)]


def _spread(places: Sequence[Group], count: int) -> list[int]:
    """So many of the places, evenly over NUMA nodes, in these evenly over caches."""
    nodes: dict[int, list[Group]] = {}
    for place in places:
        nodes.setdefault(place.numa, []).append(place)
    chosen = list[int]()
    for members, share in zip(nodes.values(), _deal_places(list(nodes.values()), count), strict=True):
        for group, part in zip(members, _deal_places([[one] for one in members], share), strict=True):
            chosen += group.cores[:part]
    return chosen


def _deal_places(sets: Sequence[Sequence[Group]], count: int) -> list[int]:
    room = [sum(len(group.cores) for group in groups) for groups in sets]
    return deal(count, room, room)
