"""What is wrong with a binding, whoever made it; written without the code that makes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from hpcsched.model.allocation import Binding
from hpcsched.model.device import DeviceKind
from hpcsched.model.idset import IdSet
from hpcsched.model.job import ResourceRequest, TaskBind
from hpcsched.model.node import NodeOffer


def binding_fault(binding: Binding, offer: NodeOffer, request: ResourceRequest) -> str:
    """The first rule that it breaks, as what the node would do wrongly; empty when there is none."""
    return next((fault for check in _CHECKS for fault in check(binding, offer, request)), "")


Faults = Iterator[str]


def _cpus(binding: Binding, offer: NodeOffer, request: ResourceRequest) -> Faults:
    if not binding.cpus or not binding.cpus <= offer.cpus:
        yield f"hands out cpus {offer.cpus}, not {str(binding.cpus) or '(none)'}"
    if len(binding.cpus) < max(request.cpus_per_node, request.cores_per_node):
        yield f"gives {len(binding.cpus)} cpus, fewer than asked"
    if request.threads_per_core:
        crowded = [core for core in offer.topology.cores if len(core.pus & binding.cpus) > request.threads_per_core]
        yield from (f"gives more than {request.threads_per_core} cpus of the core that has {core.pus}" for core in crowded)


def _numa(binding: Binding, offer: NodeOffer, request: ResourceRequest) -> Faults:
    if request.numa in ("", "pack", "spread"):
        return
    named = IdSet.parse(request.numa)
    for node in offer.topology.numa_nodes:
        if node.os_index not in named and not node.pus.isdisjoint(binding.cpus):
            yield f"gives cpus of NUMA node {node.os_index}, which is none of {named}"


def _memory(binding: Binding, offer: NodeOffer, request: ResourceRequest) -> Faults:
    if offer.memory and binding.memory > offer.memory:
        yield f"hands out {offer.memory} bytes, not {binding.memory}"
    if binding.memory < request.mem_per_node:
        yield f"gives {binding.memory} bytes, less than asked"


def _mems(binding: Binding, offer: NodeOffer, request: ResourceRequest) -> Faults:
    known = [node for node in offer.topology.numa_nodes if node.memory and node.tier != "GPU"]
    nodes = {node.os_index: node for node in known or offer.topology.numa_nodes}
    wrong = [number for number in binding.mems if number not in nodes]
    if wrong or not binding.mems:
        yield f"has no memory node {wrong[0] if wrong else ''}".rstrip()
    for number, node in nodes.items():
        if number not in binding.mems and not node.pus.isdisjoint(binding.cpus):
            yield f"would keep cpus {binding.cpus} from their own memory node {number}"


def _split(binding: Binding, offer: NodeOffer, request: ResourceRequest) -> Faults:
    said = offer.topology.memory > 0
    sizes = {node.os_index: node.memory if said else binding.memory for node in offer.topology.numa_nodes}
    for number, size in binding.memory_split:
        if number not in binding.mems:
            yield f"would count memory on node {number}, which is none of {binding.mems}"
        if not 0 <= size <= sizes.get(number, 0):
            yield f"has {sizes.get(number, 0)} bytes on memory node {number}, not {size}"
    if binding.memory_split and sum(size for _, size in binding.memory_split) != binding.memory:
        yield f"would split {binding.memory} bytes into parts of another sum"


def _devices(binding: Binding, offer: NodeOffer, request: ResourceRequest) -> Faults:
    kinds = {device.id: device.kind for device in offer.devices}
    for wanted, ids in ((DeviceKind.GPU, binding.gpus), (DeviceKind.NIC, binding.nics)):
        yield from (f"has no {wanted} {name}" for name in ids if kinds.get(name) is not wanted)
        yield from (f"would give {wanted} {name} twice" for name, times in Counter(ids).items() if times > 1)
    all_gpus = sum(kind is DeviceKind.GPU for kind in kinds.values())
    asked = all_gpus if request.gpus_per_node is None else request.gpus_per_node
    if len(binding.gpus) != asked:
        yield f"gives {len(binding.gpus)} GPUs, not {asked}"


def _pages(binding: Binding, offer: NodeOffer, request: ResourceRequest) -> Faults:
    pools, given, asked = Counter[tuple[int, int]](), Counter[tuple[int, int]](), Counter[int]()
    for pool in offer.hugepages:
        pools[pool.numa, pool.size] += pool.count
    for part in binding.hugepages:
        given[part.numa, part.size] += part.count
    for size, count in request.hugepages:
        asked[size] += count
    for (numa, size), count in given.items():
        if numa not in binding.mems or not 0 <= count <= pools[numa, size]:
            yield f"has {pools[numa, size]} huge pages of {size} bytes on memory node {numa} for it, not {count}"
        asked[size] -= count
    yield from (f"would give too few or too many huge pages of {size} bytes" for size, count in asked.items() if count)


def _tasks(binding: Binding, offer: NodeOffer, request: ResourceRequest) -> Faults:
    if len(binding.tasks) != request.ntasks_per_node:
        yield f"gives {len(binding.tasks)} tasks, not {request.ntasks_per_node}"
    taken = IdSet()
    for number, task in enumerate(binding.tasks):
        if not task.cpus <= binding.cpus or len(task.cpus) < max(request.cpus_per_task, 1):
            yield f"gives task {number} the cpus {str(task.cpus) or '(none)'}, which are too few or not all the job's"
        if request.bind is not TaskBind.NONE and not task.cpus.isdisjoint(taken):
            yield f"gives task {number} cpus of another task"
        if not task.mems <= binding.mems or not set(task.gpus) <= set(binding.gpus):
            yield f"gives task {number} memory nodes or GPUs that the job does not have"
        taken |= task.cpus


_CHECKS: tuple[Callable[[Binding, NodeOffer, ResourceRequest], Faults], ...] = (
    _cpus,
    _numa,
    _memory,
    _mems,
    _split,
    _devices,
    _pages,
    _tasks,
)
