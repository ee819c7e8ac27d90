"""Devices of one machine that plays several nodes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hpcsched.model.device import Device, DeviceKind
from hpcsched.model.idset import IdSet
from hpcsched.sched.dealing import deal
from hpcsched.sched.shares import share
from hpcsched.testing.topologies import grid

MACHINE = grid(2, 1, 1, 4, 1)
"""NUMA nodes 0 and 1 with PUs 0-3 and 4-7."""


def device(number: int, numa: int, kind: DeviceKind = DeviceKind.GPU) -> Device:
    near = next((node.pus for node in MACHINE.numa_nodes if node.os_index == numa), IdSet())
    return Device(f"{kind}{number}", kind, "made up", numa, near, number)


def test_each_part_gets_the_devices_near_its_cores() -> None:
    devices = [device(0, 1), device(1, 0), device(2, 1), device(0, 0, DeviceKind.NIC), device(1, 1, DeviceKind.NIC)]
    assert deal(devices, share(MACHINE, 2), MACHINE) == (("GPU1", "NIC0"), ("GPU0", "GPU2", "NIC1"))


def test_parts_that_are_equally_near_get_as_many_of_each_kind() -> None:
    devices = [device(number, 0) for number in range(4)] + [device(number, 0, DeviceKind.NIC) for number in range(2)]
    hands = deal(devices, share(MACHINE, 4), MACHINE)
    assert hands == (("GPU0", "GPU2", "NIC0"), ("GPU1", "GPU3", "NIC1"), (), ())


def test_devices_without_a_place_are_spread_evenly() -> None:
    hands = deal([device(number, -1) for number in range(6)], share(MACHINE, 4), MACHINE)
    assert [len(hand) for hand in hands] == [2, 2, 1, 1]


def test_a_device_near_no_part_goes_to_one_whose_memory_is_closest() -> None:
    parts = (IdSet.parse("4-5"), IdSet.parse("2-3"))
    elsewhere = Device("GPU0", DeviceKind.GPU, "made up", 0, IdSet.parse("0-1"))
    assert deal([elsewhere], parts, MACHINE) == ((), ("GPU0",))


@given(st.lists(st.tuples(st.integers(-1, 3), st.sampled_from(DeviceKind)), max_size=12), st.integers(1, 8))
def test_every_device_is_dealt_to_one_part(asked: list[tuple[int, DeviceKind]], count: int) -> None:
    devices = [device(number, numa, kind) for number, (numa, kind) in enumerate(asked)]
    hands = deal(devices, share(MACHINE, count), MACHINE)
    assert len(hands) == count
    assert sorted(one for hand in hands for one in hand) == sorted(one.id for one in devices)
