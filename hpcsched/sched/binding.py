"""What a job gets of one node. The same offer and request always give the same binding."""

from __future__ import annotations

from collections.abc import Sequence

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.allocation import Binding
from hpcsched.model.device import Device
from hpcsched.model.idset import IdSet
from hpcsched.model.job import ResourceRequest, TaskBind
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import Core, Topology
from hpcsched.sched.cores import Usable, choose_cpus
from hpcsched.sched.gpus import choose, nics_near, pull
from hpcsched.sched.hugepages import split_pages
from hpcsched.sched.layout import union
from hpcsched.sched.memory import choose_memory
from hpcsched.sched.numa_choice import SPREAD, named_nodes, nodes_with_cpus
from hpcsched.sched.tasks import bind_tasks, compact_tasks, sized_by_tasks, tasks_within

SPREADS = ("first", "numa")
"""Where housekeeping cores may lie."""


def bind(offer: NodeOffer, request: ResourceRequest) -> Binding:
    """The whole offer, or the part of it that the request names.

    GPUs are chosen first, then the cores nearest to them (without an ask for GPUs: close together, see `compact`), then their
    memory (see `choose_memory`), huge pages, and the parts of the tasks. Raises Infeasible when this node can never give it,
    InvalidValue when the request contradicts itself on this node.
    """
    _require(offer, request)
    named = named_nodes(offer, request.numa)
    gpus = choose(offer, request.gpus_per_node, named)
    pulling = gpus if request.gpus_per_node else []
    cpus, sets = _cpus(Usable(offer, named, request.threads_per_core, _weights(offer, request, named, pulling)), request)
    memory = choose_memory(offer, cpus, request.mem_per_node, named)
    return Binding(
        cpus,
        memory.mems,
        memory.memory,
        gpus=tuple(gpu.id for gpu in gpus),
        nics=nics_near(offer, cpus, pulling),
        memory_split=memory.split,
        hugepages=split_pages(offer, request.hugepages, memory.mems) if request.hugepages else (),
        tasks=bind_tasks(offer, sets, gpus) if sets else (),
    )


def reserve(topology: Topology, cores: int, spread: str = "first") -> IdSet:
    """PUs of so many housekeeping cores: the first of the first NUMA node, or the first of each NUMA node in turn (`numa`).

    The kernel's own work sits on the first already (boot CPU, timekeeping, interrupts that nobody moved), so jobs are disturbed
    least; one on each node keeps all nodes equal. Raises InvalidValue when none would be left for jobs.
    """
    if not 0 <= cores < len(topology.cores):
        raise InvalidValue(f"cannot reserve {cores} cores of a node that has {len(topology.cores)}: jobs need at least one")
    if spread not in SPREADS:
        raise InvalidValue(f"cannot spread reserved cores as {spread!r}: give one of {', '.join(SPREADS)}")
    order = sorted(topology.cores, key=lambda core: (core.numa, core.logical))
    if spread == "numa":
        order = _in_turn(order)
    return IdSet(union(core.pus.mask for core in order[:cores]))


def _in_turn(cores: Sequence[Core]) -> list[Core]:
    """The first core of each NUMA node, then the second of each."""
    turns: dict[int, int] = {}
    ranked = list[tuple[int, int, Core]]()
    for core in cores:
        turns[core.numa] = turns.get(core.numa, -1) + 1
        ranked.append((turns[core.numa], core.numa, core))
    return [core for _, _, core in sorted(ranked, key=lambda entry: entry[:2])]


def _require(offer: NodeOffer, request: ResourceRequest) -> None:
    if not offer.cpus:
        raise Infeasible(f"node {offer.name} hands out no cpus")
    if request.tuning and request.tuning not in offer.tunings:
        there = ", ".join(sorted(offer.tunings)) or "none"
        raise Infeasible(f"asks for tuning {request.tuning!r}, node {offer.name} has: {there}")


def _weights(offer: NodeOffer, request: ResourceRequest, named: IdSet, pulling: Sequence[Device]) -> dict[int, int]:
    """How the cores are shared over NUMA nodes: evenly over those named or all (spread), or as the GPUs lie; empty: compact."""
    if named or request.numa == SPREAD:
        return dict.fromkeys(named or nodes_with_cpus(offer), 1)
    return pull(offer.topology, pulling)


def _cpus(usable: Usable, request: ResourceRequest) -> tuple[IdSet, list[int]]:
    """The job's PUs, and those of each task."""
    if sized_by_tasks(request):
        sets = compact_tasks(usable, request)
        cpus = IdSet(union(sets))
        return cpus, [cpus.mask] * len(sets) if request.bind is TaskBind.NONE else sets
    cpus = choose_cpus(usable, request)
    return cpus, tasks_within(usable, cpus, request) if request.ntasks_per_node else []
