"""What the receipt says that the node could not do."""

from dataclasses import replace

import pytest

from hpcsched.errors import ConfigError
from hpcsched.hardware.cgroup_layout import Layout
from hpcsched.hardware.drivers import loaded_drivers
from hpcsched.hardware.hugepages import page_sizes
from hpcsched.model.container import DeviceNode, Rlimit
from hpcsched.runtimes.baremetal import BareMetalRuntime
from hpcsched.runtimes.lacks import lacks, open_devices, unconfined
from tests.cgrouptrees import V1, v1_tree, v2_tree
from tests.containers import a_spec

NIC = "0000:65:00.0"


def with_nic(limit):
    spec = a_spec(rlimits=(Rlimit("memlock", limit, limit),))
    return replace(spec, binding=replace(spec.binding, nics=(NIC,)))


def test_a_node_that_can_do_all_lacks_nothing(tmp_path):
    layout = v2_tree(tmp_path)
    assert list(lacks(a_spec(), layout, "isolated", 1000)) == list(unconfined(layout)) == []


def test_v1_has_no_partitions_to_give(tmp_path):
    layout = v1_tree(tmp_path)
    assert "cpuset partition isolated: cgroup v1 has none" in " ".join(lacks(a_spec(), layout, "isolated", 1000))
    assert list(lacks(a_spec(), layout, "member", 1000)) == []


def test_a_controller_that_is_missing_is_named_when_it_is_needed(tmp_path):
    text = "".join(f"{line}\n" for line in V1.splitlines() if "pids" not in line and "devices" not in line)
    layout = v1_tree(tmp_path, text)
    assert ["pids" in line for line in lacks(a_spec(), layout, "member", 1000)] == [True]
    assert list(lacks(a_spec(), layout, "member", 0)) == []
    assert "no devices control group" in "".join(unconfined(layout))


@pytest.mark.parametrize(("limit", "named"), [(-1, False), (65536, True), (0, True)])
def test_locked_memory_that_is_limited_is_named_for_a_job_with_fabric_alone(limit, named):
    assert ["locked memory" in line for line in lacks(with_nic(limit), Layout(()), "member", 0)] == [True] * named
    without = a_spec(rlimits=(Rlimit("memlock", limit, limit),))
    assert list(lacks(without, Layout(()), "member", 0)) == []


def test_bare_metal_says_that_it_confines_no_device_where_there_are_some():
    node = (DeviceNode("/dev/nvidia0", 195, 0),)
    assert list(open_devices(a_spec())) == []
    for spec in (a_spec(devices=node), a_spec(refused=node)):
        assert "bare metal confines no device" in "".join(open_devices(spec))


def test_a_kind_of_partition_that_there_is_not_is_refused_by_its_name(tmp_path):
    with pytest.raises(ConfigError, match="cpu_partition = 'alone': it is one of member, root, isolated"):
        BareMetalRuntime(tmp_path, tmp_path, partition="alone")


def test_drivers_are_those_that_are_loaded_and_tell_their_version(tmp_path):
    for name, version in (("nvidia", "550.54.15\n"), ("mlx5_core", "24.01-0.3.3\n"), ("ext4", "1\n")):
        (tmp_path / "sys/module" / name).mkdir(parents=True)
        (tmp_path / "sys/module" / name / "version").write_text(version)
    (tmp_path / "sys/module/amdgpu").mkdir()
    assert loaded_drivers(tmp_path) == (("nvidia", "550.54.15"), ("mlx5_core", "24.01-0.3.3"))


def test_page_sizes_are_all_that_the_kernel_has_also_without_a_page(tmp_path):
    for name in ("hugepages-1048576kB", "hugepages-2048kB", "other"):
        (tmp_path / "sys/kernel/mm/hugepages" / name).mkdir(parents=True)
    assert page_sizes(tmp_path) == (2 << 20, 1 << 30)
    assert page_sizes(tmp_path / "none") == ()
