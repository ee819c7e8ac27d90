"""What is said of hardware that is not what it was, and what happens to a node that comes back so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.model.idset import IdSet
from hpcsched.model.node import NodeOffer, NodeState
from hpcsched.model.topology import PciDevice, Topology
from hpcsched.model.units import GIB
from hpcsched.sched.changes import changes
from hpcsched.sched.shares import restrict
from hpcsched.state import codec
from hpcsched.state.events import NodeDisconnected, NodeDrained, NodeRegistered, NodeResumed
from hpcsched.state.state import State
from hpcsched.testing.topologies import grid
from hpcsched.testing.world import World, offer

GPU = PciDevice("0000:65:00.0", "GPU", 0, IdSet.parse("0-3"), 0x10DE, 0x2330, ("card0",), "H100")
NIC = PciDevice("0000:b5:00.0", "NIC", 1, IdSet.parse("4-7"), 0x15B3, 0x1021, ("mlx5_0",))
DISK = PciDevice("0000:01:00.0", "storage", 0, IdSet.parse("0-3"), 0x8086, 0x1BF2)
MACHINE = replace(grid(packages=2, cores=4, pus=1, memory=64 * GIB), devices=(DISK, GPU, NIC))


MACHINES = st.builds(
    grid,
    packages=st.integers(1, 3),
    nodes=st.integers(1, 3),
    cores=st.integers(1, 5),
    pus=st.integers(1, 2),
    memory=st.sampled_from([0, GIB, 2 * GIB]),
    gap=st.integers(1, 2),
)


def without(topology: Topology, cpus: str) -> Topology:
    return restrict(topology, topology.pus - IdSet.parse(cpus))


def sized(topology: Topology, *memory: int) -> Topology:
    return replace(topology, numa_nodes=tuple(replace(n, memory=m) for n, m in zip(topology.numa_nodes, memory, strict=True)))


@given(MACHINES)
def test_a_machine_is_what_it_is(topology: Topology) -> None:
    assert changes(topology, topology) == ()


@given(MACHINES, MACHINES)
def test_whatever_changes_is_told_both_ways_in_a_handful_of_lines(one: Topology, other: Topology) -> None:
    there, back = changes(one, other), changes(other, one)
    assert bool(there) == bool(back)
    assert len(there) <= 6
    assert all(line and "\n" not in line for line in there)
    if one.pus != other.pus:
        assert there


def test_cores_that_are_gone_and_new_ones_are_named() -> None:
    less = sized(without(MACHINE, "5"), 64 * GIB, 64 * GIB)
    assert changes(MACHINE, less) == ("PU 5 is gone",)
    assert changes(less, MACHINE) == ("PU 5 is new",)
    assert changes(MACHINE, sized(without(MACHINE, "1-2,5"), 64 * GIB, 64 * GIB)) == ("PUs 1-2,5 are gone",)


def test_a_thread_that_is_gone_leaves_its_core_where_it_was() -> None:
    two = grid(cores=2, pus=2)
    assert changes(two, sized(without(two, "3"), GIB)) == ("PU 3 is gone",)


def test_memory_that_is_gone_is_named_with_both_sizes() -> None:
    half = sized(MACHINE, 64 * GIB, 32 * GIB)
    assert changes(MACHINE, half) == ("NUMA node 1 has 32G of memory, had 64G",)


def test_what_the_kernel_takes_of_the_memory_differs_from_boot_to_boot() -> None:
    exact = 100 * GIB
    assert changes(sized(MACHINE, exact, exact), sized(MACHINE, exact, exact - GIB)) == ()
    assert len(changes(sized(MACHINE, exact, exact), sized(MACHINE, exact, exact - GIB - 1))) == 1
    assert changes(sized(MACHINE, 0, 0), sized(MACHINE, 0, 0)) == ()
    assert changes(sized(MACHINE, 0, exact), sized(MACHINE, 1, exact)) == ("NUMA node 0 has 1 of memory, had 0",)


def test_a_numa_node_that_is_gone_is_named() -> None:
    assert "NUMA node 1 is gone" in changes(MACHINE, without(MACHINE, "4-7"))


@pytest.mark.parametrize(
    ("devices", "sentence"),
    [
        ((DISK, NIC), "GPU 0000:65:00.0 is gone"),
        ((DISK, GPU, NIC, replace(GPU, address="0000:66:00.0")), "GPU 0000:66:00.0 is new"),
        ((DISK, GPU), "NIC 0000:b5:00.0 is gone"),
        ((replace(GPU, device_id=0x20B0, model=""), NIC), "GPU 0000:65:00.0 is a device 10de:20b0, was H100 (10de:2330)"),
    ],
)
def test_devices_are_known_by_their_address(devices: tuple[PciDevice, ...], sentence: str) -> None:
    assert changes(MACHINE, replace(MACHINE, devices=devices)) == (sentence,)


def test_names_that_the_kernel_gives_and_other_devices_are_no_change() -> None:
    renamed = replace(MACHINE, devices=(replace(GPU, names=("card1",)), NIC))
    assert changes(MACHINE, renamed) == ()


def test_pus_that_are_elsewhere_are_a_change() -> None:
    cores = tuple(replace(core, numa=0) for core in MACHINE.cores)
    assert changes(MACHINE, replace(MACHINE, cores=cores)) == ("PUs 4-7 moved: PU 4 is on NUMA node 0, was on NUMA node 1",)
    first = (replace(MACHINE.cores[0], package=1), *MACHINE.cores[1:])
    assert changes(MACHINE, replace(MACHINE, cores=first)) == ("PU 0 is on package 1, was on package 0",)
    paired, apart = grid(cores=1, pus=2), grid(cores=2, pus=1)
    assert changes(paired, apart) == ("PUs 0-1 moved: PU 0 is on the core of PUs 0, was on the core of PUs 0-1",)


def test_another_processor_is_a_change() -> None:
    assert changes(MACHINE, replace(MACHINE, cpu_model="New CPU")) == ("the CPU is New CPU, was made up",)


def test_very_many_changes_are_counted() -> None:
    many = tuple(replace(GPU, address=f"0000:{bus:02x}:00.0") for bus in range(0x10, 0x20))
    told = changes(MACHINE, replace(MACHINE, devices=many))
    assert len(told) == 6
    assert told[-1] == "and 13 more"


def test_an_older_description_is_not_compared() -> None:
    assert changes(replace(MACHINE, version=1, devices=()), grid()) == ()


def booted(boot: int, topology: Topology = MACHINE, machine: str | None = None) -> NodeOffer:
    digest = topology.digest if machine is None else machine
    return replace(offer(boot_id=f"boot-{boot}"), topology=topology, cpus=topology.pus, machine=digest)


def again(world: World, new: NodeOffer) -> None:
    world.do(NodeDisconnected(world.tick(), "n1"), NodeRegistered(world.tick(), new))


def with_machine() -> World:
    world = World([])
    world.do(NodeRegistered(world.tick(), booted(1)))
    return world


def reason(world: World) -> str:
    return world.state.nodes["n1"].drain_reason


LESS = replace(MACHINE, devices=(DISK, NIC))


def test_a_node_that_comes_back_with_other_hardware_is_held_until_it_is_resumed() -> None:
    world = with_machine()
    again(world, booted(2, LESS))
    (job_id,) = world.submit()
    assert reason(world) == "topology changed: GPU 0000:65:00.0 is gone"
    assert world.state.nodes["n1"].state is NodeState.DRAINED
    assert world.plan() == ()
    world.do(NodeResumed(world.tick(), "n1"))
    assert world.plan() == (job_id,)
    again(world, booted(3, LESS))
    assert reason(world) == ""


def test_a_node_that_comes_back_as_it_was_is_not_held() -> None:
    world = with_machine()
    again(world, booted(2))
    assert reason(world) == ""


def test_a_node_of_which_only_the_share_of_the_machine_changed_is_not_held() -> None:
    world = with_machine()
    again(world, booted(2, LESS, machine=MACHINE.digest))
    assert reason(world) == ""


def test_a_node_that_names_no_machine_is_compared_by_what_it_has() -> None:
    world = World([])
    world.do(NodeRegistered(world.tick(), booted(1, machine="")))
    again(world, booted(2, LESS, machine=""))
    assert reason(world) == "topology changed: GPU 0000:65:00.0 is gone"


def test_hardware_that_changes_without_a_boot_holds_no_node() -> None:
    world = with_machine()
    again(world, booted(1, LESS))
    assert reason(world) == ""


def test_a_node_that_is_drained_already_keeps_its_reason() -> None:
    world = with_machine()
    world.do(NodeDrained(world.tick(), "n1", "new fan"))
    again(world, booted(2, LESS))
    assert reason(world) == "new fan"


def test_a_node_that_lost_a_job_and_a_gpu_is_held_and_the_job_ends_once() -> None:
    world = with_machine()
    job_id = world.run()
    again(world, booted(2, LESS))
    assert reason(world) == "topology changed: GPU 0000:65:00.0 is gone"
    assert job_id in world.records


def test_the_journal_gives_the_same_reason_back() -> None:
    world = with_machine()
    again(world, booted(2, LESS))
    state = State()
    for event in world.log:
        state.apply(codec.decode(*codec.encode(event)))
    assert state.nodes == world.state.nodes
