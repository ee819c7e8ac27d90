"""What is true of every binding, on made-up machines and on real ones, whatever is asked."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.allocation import Binding, HugePages
from hpcsched.model.device import Device, DeviceKind
from hpcsched.model.job import ResourceRequest, TaskBind
from hpcsched.model.node import NodeOffer
from hpcsched.sched.binding import bind, reserve
from hpcsched.sched.binding_fault import binding_fault
from hpcsched.sched.gpus import UNKNOWN, home, pull
from hpcsched.sched.memory import handouts
from hpcsched.testing.strategies import furnished, requests
from hpcsched.testing.topologies import grid, offer_of
from tests.captures import ALL, each, machine

MIB = 1 << 20


@st.composite
def made_up(draw: st.DrawFn) -> NodeOffer:
    shape = [draw(st.integers(1, most)) for most in (2, 2, 3, 4, 3)]
    topology = grid(*shape, memory=draw(st.sampled_from([0, 1 << 30, 8 << 30])), gap=draw(st.sampled_from([1, 8])))
    kept_back = reserve(topology, draw(st.integers(0, len(topology.cores) - 1)), draw(st.sampled_from(["first", "numa"])))
    offer = offer_of(topology, cpus=topology.pus - kept_back, memory=topology.memory * draw(st.integers(1, 8)) // 8)
    return draw(furnished(offer))


@st.composite
def fitting(draw: st.DrawFn, offer: NodeOffer) -> ResourceRequest:
    """Mostly within what the node has, each quantity for itself."""
    nodes = [str(node.os_index) for node in offer.topology.numa_nodes]
    gpus = sum(device.kind is DeviceKind.GPU for device in offer.devices)
    tasks = draw(st.sampled_from([0, 0, 1, 2, 3, 4, 7, 8, len(offer.cpus)]))
    return ResourceRequest(
        cpus_per_node=draw(st.just(0) | st.integers(1, len(offer.cpus))),
        cores_per_node=draw(st.just(0) | st.just(0) | st.integers(1, len(offer.topology.cores))),
        mem_per_node=draw(st.just(0) | st.integers(1, max(1, sum(handouts(offer).values())))),
        threads_per_core=draw(st.sampled_from([0, 0, 0, 1, 2])),
        gpus_per_node=draw(st.none() | st.integers(0, gpus)),
        numa=draw(st.sampled_from(["", "pack", "spread", *nodes, ",".join(nodes[:2])])),
        hugepages=draw(st.sampled_from([(), (), ((2 * MIB, 5),)])),
        ntasks_per_node=tasks,
        cpus_per_task=draw(st.just(0) | st.integers(1, max(1, len(offer.cpus) // max(1, tasks)))),
        bind=draw(st.sampled_from(TaskBind)),
    )


def answer(offer: NodeOffer, request: ResourceRequest) -> Binding | None:
    try:
        return bind(offer, request)
    except (Infeasible, InvalidValue):
        return None


def assert_right(offer: NodeOffer, request: ResourceRequest) -> None:
    binding = answer(offer, request)
    assert answer(offer, request) == binding
    if binding is None:
        return
    assert binding_fault(binding, offer, request) == ""
    assert_memory_is_there(offer, binding)
    assert_gpus_are_near(offer, request, binding)
    assert_tasks_share_out(request, binding)


def assert_memory_is_there(offer: NodeOffer, binding: Binding) -> None:
    there = handouts(offer)
    assert {index for index, _ in binding.memory_split} == (set(binding.mems) if binding.memory else set())
    assert not there or all(size <= there[index] for index, size in binding.memory_split)


def assert_gpus_are_near(offer: NodeOffer, request: ResourceRequest, binding: Binding) -> None:
    """Cores of other NUMA nodes than the GPUs' are given only when those have none left, unless the job chose NUMA nodes."""
    pulling = [device for device in offer.devices if device.id in binding.gpus]
    homes = pull(offer.topology, pulling) if request.gpus_per_node else {}
    counted = request.cores_per_node or request.cpus_per_node
    if not homes or request.numa not in ("", "pack") or request.threads_per_core or request.ntasks_per_node or not counted:
        return
    usable = {core: core.pus & offer.cpus for core in offer.topology.cores if not core.pus.isdisjoint(offer.cpus)}
    if any(core.numa not in homes and not pus.isdisjoint(binding.cpus) for core, pus in usable.items()):
        assert all(not pus.isdisjoint(binding.cpus) for core, pus in usable.items() if core.numa in homes)


def assert_tasks_share_out(request: ResourceRequest, binding: Binding) -> None:
    given_cpus = [number for task in binding.tasks for number in task.cpus]
    if request.ntasks_per_node and not request.cpus_per_task and request.bind is not TaskBind.NONE:
        assert sorted(given_cpus) == list(binding.cpus)
    if request.cpus_per_task and request.bind is TaskBind.CORES:
        assert {len(task.cpus) for task in binding.tasks} <= {request.cpus_per_task}
    if binding.gpus and binding.tasks:
        assert {name for task in binding.tasks for name in task.gpus} == set(binding.gpus)
        assert all(task.gpus for task in binding.tasks)


@given(made_up(), requests())
def test_any_ask_of_a_made_up_machine_is_answered_by_the_rules_or_refused(offer: NodeOffer, request: ResourceRequest) -> None:
    assert_right(offer, request)


@given(st.data())
@settings(max_examples=300)
def test_fitting_asks_of_made_up_machines_are_answered_by_the_rules(data: st.DataObject) -> None:
    offer = data.draw(made_up())
    assert_right(offer, data.draw(fitting(offer)))


@cache
def real(path: Path) -> NodeOffer:
    """A real machine with its GPUs and network cards, four more GPUs dealt out to its NUMA nodes, and pools of huge pages."""
    topology = machine(path)
    nodes = [node for node in topology.numa_nodes if node.pus]
    found = [
        Device(item.address, DeviceKind(item.kind), "made up", item.numa, item.cpus)
        for item in topology.devices
        if item.kind in ("GPU", "NIC")
    ]
    more = [Device(f"gpu{number}", DeviceKind.GPU, "made up", nodes[number % len(nodes)].os_index) for number in range(4)]
    pools = tuple(HugePages(node.os_index, 2 * MIB, 3) for node in nodes if node.memory > 64 * MIB)
    return replace(offer_of(topology), devices=(*found, *more), hugepages=pools)


@each(ALL)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_fitting_asks_of_real_machines_are_answered_by_the_rules(path: Path, data: st.DataObject) -> None:
    offer = real(path)
    assert_right(offer, data.draw(fitting(offer)))


@each(ALL)
def test_every_gpu_of_a_real_machine_is_asked_for_with_the_cores_beside_it(path: Path) -> None:
    offer = real(path)
    for count in range(1, 5):
        binding = bind(offer, ResourceRequest(gpus_per_node=count, cores_per_node=1))
        homes = [home(offer.topology, device) for device in offer.devices if device.id in binding.gpus]
        assert len(homes) == count
        assert homes_touched(offer, binding) <= set(homes) or UNKNOWN in homes


def homes_touched(offer: NodeOffer, binding: Binding) -> set[int]:
    return {core.numa for core in offer.topology.cores if not core.pus.isdisjoint(binding.cpus)}
