"""The agent believes the kernel, not itself."""

import dataclasses

import pytest

from hpcsched.agent.receipt import check, unopened
from hpcsched.errors import BindingMismatch
from hpcsched.model.allocation import Binding, HugePages
from hpcsched.model.container import ContainerSpec, Observed, OpenedDevice, Rlimit
from hpcsched.model.idset import IdSet

MIB, GIB = 1 << 20, 1 << 30
LIMIT = Rlimit("memlock", -1, -1)
SPEC = ContainerSpec("job1", "host", Binding(IdSet.parse("0-3"), IdSet.parse("0"), 1 << 30), "n1", rlimits=(LIMIT,))
SEEN = Observed("lxc", IdSet.parse("0-3"), IdSet.parse("0"), 1 << 30, False, "/hpcsched/job1", 7, "overlay", rlimits=(LIMIT,))


def test_what_the_kernel_shows_as_asked_passes():
    check(SPEC, SEEN)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cpus": IdSet.parse("0-2")}, "cpus asked 0-3, the kernel shows 0-2"),
        ({"mems": IdSet.parse("0-1")}, "mems asked 0, the kernel shows 0-1"),
        ({"memory": 1 << 29}, "memory"),
        ({"cfs_quota": True}, "CFS quota asked none, the kernel shows set"),
        ({"rlimits": (Rlimit("memlock", 65536, 65536),)}, "rlimit memlock"),
        ({"rlimits": ()}, "rlimit memlock"),
    ],
)
def test_any_difference_is_a_binding_mismatch_that_names_both_sides(change, words):
    with pytest.raises(BindingMismatch, match=words):
        check(SPEC, dataclasses.replace(SEEN, **change))


def test_a_memory_limit_rounded_to_the_kernels_pages_is_no_mismatch():
    spec = dataclasses.replace(SPEC, binding=dataclasses.replace(SPEC.binding, memory=(1 << 30) + 1000))
    check(spec, SEEN)


def huge(*parts):
    return dataclasses.replace(SPEC, binding=dataclasses.replace(SPEC.binding, hugepages=parts))


def seen(**fields):
    return dataclasses.replace(SEEN, **fields)


def test_huge_pages_of_all_nodes_are_one_limit_and_other_sizes_are_shut():
    spec = huge(HugePages(0, 2 * MIB, 10), HugePages(1, 2 * MIB, 5))
    check(spec, seen(hugepages=((2 * MIB, 30 * MIB), (GIB, 0))))


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (((2 * MIB, 20 * MIB),), "huge pages of 2097152 bytes asked 31457280, the kernel shows 20971520"),
        (((2 * MIB, 30 * MIB), (GIB, GIB)), "huge pages of 1073741824 bytes asked 0, the kernel shows 1073741824"),
        ((), "huge pages of 2097152 bytes asked 31457280, the kernel shows not limited"),
    ],
)
def test_another_limit_of_huge_pages_is_a_mismatch(limits, words):
    with pytest.raises(BindingMismatch, match=words):
        check(huge(HugePages(0, 2 * MIB, 15)), seen(hugepages=limits))


def test_who_asked_for_no_huge_pages_is_not_compared():
    check(SPEC, seen(hugepages=((2 * MIB, 30 * MIB),)))


@pytest.mark.parametrize("outcome", ["ok", "ENXIO", "EBUSY", "EIO", "ENODEV", "ETIMEDOUT"])
def test_whatever_a_driver_answers_a_granted_device_was_let_through(outcome):
    check(SPEC, seen(opened=(OpenedDevice("/dev/nvidia0", True, outcome),)))


def test_each_granted_device_that_its_driver_does_not_open_is_lacking():
    granted = (("nvidia0", "ENXIO"), ("nvidiactl", "ok"), ("nvidia-uvm", "not tried"))
    opened = [OpenedDevice(f"/dev/{name}", True, outcome) for name, outcome in granted]
    assert list(unopened([*opened, OpenedDevice("/dev/nvidia1", False, "EPERM")])) == [
        "/dev/nvidia0 does not open: ENXIO; see hpcsched doctor gpu",
        "/dev/nvidia-uvm was not tried; see hpcsched doctor gpu",
    ]


def test_a_device_on_the_wrong_side_of_the_rules_is_a_mismatch_and_nothing_lacking():
    assert not list(unopened([OpenedDevice("/dev/nvidia0", True, "EPERM"), OpenedDevice("/dev/nvidia1", False, "ok")]))


@pytest.mark.parametrize("outcome", ["EPERM", "ENOENT"])
def test_a_granted_device_that_the_kernel_refuses_is_a_mismatch(outcome):
    with pytest.raises(BindingMismatch, match=f"device /dev/nvidia0 asked to open, the kernel shows {outcome}"):
        check(SPEC, seen(opened=(OpenedDevice("/dev/nvidia0", True, outcome),)))


@pytest.mark.parametrize("outcome", ["ok", "ENXIO", "EBUSY", "ETIMEDOUT", "not tried"])
def test_a_refused_device_that_is_not_known_to_be_is_a_mismatch(outcome):
    with pytest.raises(BindingMismatch, match=f"device /dev/nvidia1 asked EPERM, the kernel shows {outcome}"):
        check(SPEC, seen(opened=(OpenedDevice("/dev/nvidia1", False, outcome),)))


def test_a_refused_device_stays_shut_or_is_gone():
    check(SPEC, seen(opened=(OpenedDevice("/dev/nvidia1", False, "EPERM"), OpenedDevice("/dev/nvidia2", False, "ENOENT"))))


def test_on_bare_metal_only_what_was_granted_is_compared():
    check(SPEC, seen(runtime="baremetal", opened=(OpenedDevice("/dev/nvidia1", False, "ok"),)))
    with pytest.raises(BindingMismatch, match="/dev/nvidia0"):
        check(SPEC, seen(runtime="baremetal", opened=(OpenedDevice("/dev/nvidia0", True, "EPERM"),)))


def test_a_driver_that_changed_since_the_files_were_chosen_is_a_mismatch():
    spec = dataclasses.replace(SPEC, drivers=(("nvidia", "550.54.15"), ("libcuda", "550.54.15")))
    check(spec, seen(drivers=(("nvidia", "550.54.15"),)))
    with pytest.raises(BindingMismatch, match=r"driver nvidia asked 550\.54\.15, the kernel shows 535"):
        check(spec, seen(drivers=(("nvidia", "535"),)))


def test_a_partition_that_the_kernel_refused_ends_no_job():
    check(SPEC, seen(partition_asked="isolated", partition="isolated invalid (Cpu list in cpuset.cpus not exclusive)"))
