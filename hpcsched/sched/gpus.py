"""Which GPUs and network cards a job gets, and which task is near which GPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from hpcsched.errors import Infeasible
from hpcsched.model.device import Device, DeviceKind
from hpcsched.model.idset import IdSet
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import Topology
from hpcsched.sched.compact import UNKNOWN, nearest_nodes

_FAR = 255


def gpus_of(offer: NodeOffer) -> list[Device]:
    """The node's GPUs by id."""
    return sorted((one for one in offer.devices if one.kind is DeviceKind.GPU), key=lambda one: one.id)


def choose(offer: NodeOffer, asked: int | None, named: IdSet) -> list[Device]:
    """So many GPUs by id: on the fewest NUMA nodes, of these on the nearest to each other, then the lowest ids; None: all.

    The NUMA nodes that the job named decide only between choices that are otherwise equal. Raises Infeasible.
    """
    gpus = gpus_of(offer)
    if asked is None or asked == len(gpus):
        return gpus
    if asked > len(gpus):
        raise Infeasible(f"asks for {asked} GPUs per node, node {offer.name} hands out {len(gpus)}")
    homes = [home(offer.topology, gpu) for gpu in gpus]
    there = Counter(homes)
    ordered = {index: there[index] for index in sorted(there, key=lambda index: (index not in named, index))}
    near = nearest_nodes(offer.topology, ordered, asked)[0] if asked else ()
    return [gpu for gpu, index in zip(gpus, homes, strict=True) if index in near][:asked]


def home(topology: Topology, device: Device) -> int:
    """OS index of the nearest NUMA node with cpus, UNKNOWN where the device does not say where it is."""
    with_cpus = [node for node in topology.numa_nodes if node.pus]
    if any(node.os_index == device.numa for node in with_cpus):
        return device.numa
    near = next((node.os_index for node in with_cpus if not node.pus.isdisjoint(device.cpus)), None)
    if near is not None:
        return near
    away = {node.os_index: node for node in topology.numa_nodes}.get(device.numa)
    if away is None:
        return UNKNOWN
    return min(with_cpus, key=lambda node: (away.distance(node.os_index), node.os_index)).os_index if with_cpus else UNKNOWN


def pull(topology: Topology, gpus: Iterable[Device]) -> dict[int, int]:
    """By OS index of the NUMA node how many of these GPUs are there; those that do not say where they are pull nothing."""
    homes = Counter(home(topology, gpu) for gpu in gpus)
    return {index: homes[index] for index in sorted(homes) if index != UNKNOWN}


def nics_near(offer: NodeOffer, cpus: IdSet, gpus: Iterable[Device]) -> tuple[str, ...]:
    """All network cards, the nearest to the cpus and to these GPUs first, then by id."""
    nics = [one for one in offer.devices if one.kind is DeviceKind.NIC]
    if not nics:
        return ()
    topology = offer.topology
    places = [node.os_index for node in topology.numa_nodes if not node.pus.isdisjoint(cpus)] + list(pull(topology, gpus))

    distance = _distances(topology)

    def key(nic: Device) -> tuple[int, int, str]:
        mine = home(topology, nic)
        away = [distance(mine, place) for place in places]
        return min(away, default=0), sum(away), nic.id

    return tuple(nic.id for nic in sorted(nics, key=key))


def deal_gpus(topology: Topology, task_homes: Sequence[int], gpus: Sequence[Device]) -> list[tuple[str, ...]]:
    """For each task (by the NUMA node that it is on) its GPUs: each GPU goes to a near task, each task has one at least.

    Neighbouring tasks share a GPU where there are more tasks, neighbouring GPUs go to one task where there are more GPUs.
    """
    if not gpus:
        return [()] * len(task_homes)
    gpu_homes = [home(topology, gpu) for gpu in gpus]
    if len(task_homes) >= len(gpus):
        return [(gpus[position].id,) for position in assign(topology, task_homes, gpu_homes)]
    owners = assign(topology, gpu_homes, task_homes)
    return [tuple(gpu.id for gpu, owner in zip(gpus, owners, strict=True) if owner == task) for task in range(len(task_homes))]


def assign(topology: Topology, many: Sequence[int], few: Sequence[int]) -> list[int]:
    """For each of the many (by NUMA node) the position of one of the few (by NUMA node): near, evenly, each of the few taken."""
    counts = _counts(topology, Counter(many), Counter(few))
    queues = {index: [position for position, where in enumerate(many) if where == index] for index in set(many)}
    answer = [0] * len(many)
    for there in sorted(set(few)):
        seats = [position for position, where in enumerate(few) if where == there]
        mine = sorted(queues[here].pop(0) for here in sorted(queues) for _ in range(counts.get((here, there), 0)))
        for turn, position in enumerate(mine):
            answer[position] = seats[turn * len(seats) // len(mine)]
    return answer


def _counts(topology: Topology, many: Counter[int], few: Counter[int]) -> Counter[tuple[int, int]]:
    """How many of the many at one NUMA node go to the few at another: first one for each of the few, then to the nearest."""
    distance = _distances(topology)
    pairs = sorted(((here, there) for here in many for there in few), key=lambda pair: (distance(*pair), pair))
    left, empty, counts = Counter(many), Counter(few), Counter[tuple[int, int]]()
    for here, there in pairs:
        taken = min(left[here], empty[there])
        counts[here, there] += taken
        left[here] -= taken
        empty[there] -= taken
    for here in many:
        nearest = next(there for one, there in pairs if one == here)
        counts[here, nearest] += left[here]
    return counts


def _distances(topology: Topology) -> Callable[[int, int], int]:
    """SLIT distance between two NUMA nodes, 0 to itself; UNKNOWN is far from all."""
    rows = {node.os_index: dict(node.distances) for node in topology.numa_nodes}

    def between(here: int, there: int) -> int:
        if here == there:
            return 0
        return _FAR if UNKNOWN in (here, there) else rows[here].get(there, 20)

    return between
