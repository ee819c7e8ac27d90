"""What a container gets of the node's devices, and which of them the node hands out at all."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hpcsched.agent.inventory import broken, discovered, offered, vendors
from hpcsched.agent.outfit import LIBRARY_FOLDER, Outfitter
from hpcsched.config import AgentConfig
from hpcsched.devices.base import CDI_DIRS
from hpcsched.errors import ConfigError, DeviceFailure
from hpcsched.model.allocation import Binding, TaskBinding
from hpcsched.model.container import ContainerSpec, DeviceNode, Mount
from hpcsched.model.idset import IdSet
from tests.devicetrees import (
    LIBRARIES,
    NVIDIA,
    VERSION,
    TreeBuilder,
    amd_node,
    cdi_content,
    cdi_node,
    intel_node,
    needs_device_nodes,
    nvidia_node,
    rdma_node,
)

pytestmark = needs_device_nodes
FIRST, SECOND = "0000:18:00.0", "0000:af:00.0"
NIC = "0000:19:00.0"
ON_PU_0 = Binding(IdSet.of([0]), IdSet.of([0]))


@pytest.fixture
def tree(tmp_path: Path) -> TreeBuilder:
    built = TreeBuilder(tmp_path)
    nvidia_node(built)
    rdma_node(built)
    return built


def outfitter(tree: TreeBuilder) -> Outfitter:
    known = vendors(CDI_DIRS, tree.root)
    return Outfitter(known, discovered(known))


def a_spec(gpus: tuple[str, ...] = (), nics: tuple[str, ...] = (), image: str = "rocky9", **env: str) -> ContainerSpec:
    binding = Binding(ON_PU_0.cpus, ON_PU_0.mems, 0, gpus, nics)
    return ContainerSpec("job1", image, binding, "inside", tuple(env.items()))


def paths(nodes: tuple[DeviceNode, ...]) -> set[str]:
    return {node.path for node in nodes}


def test_what_is_not_granted_is_refused_of_all_vendors(tree: TreeBuilder) -> None:
    spec = outfitter(tree).outfitted(a_spec((SECOND,), (NIC,)))
    assert {"/dev/nvidia1", "/dev/nvidiactl", "/dev/infiniband/uverbs1", "/dev/infiniband/rdma_cm"} <= paths(spec.devices)
    assert paths(spec.refused) == {
        "/dev/nvidia0", "/dev/infiniband/uverbs0", "/dev/infiniband/umad0", "/dev/infiniband/umad1", "/dev/infiniband/issm0",
        "/dev/infiniband/issm1",
    }  # fmt: skip


def test_another_path_of_a_granted_device_is_not_refused(tree: TreeBuilder) -> None:
    tree.node("/dev/nvidia-other-name", NVIDIA, 1)
    refused = paths(outfitter(tree).outfitted(a_spec((SECOND,))).refused)
    assert "/dev/nvidia-other-name" not in refused
    assert "/dev/nvidia-other-name" in paths(outfitter(tree).outfitted(a_spec((FIRST,))).refused)


def test_a_job_without_devices_gets_none_and_no_variable(tree: TreeBuilder) -> None:
    spec = outfitter(tree).outfitted(a_spec())
    assert (spec.devices, spec.mounts, spec.env, spec.drivers) == ((), (), (), ())
    assert {"/dev/nvidia0", "/dev/nvidia1", "/dev/nvidiactl", "/dev/infiniband/rdma_cm"} <= paths(spec.refused)


def test_fabric_is_told_to_ucx_the_nearest_first_and_only_where_the_link_is_up(tree: TreeBuilder) -> None:
    found = dict(outfitter(tree).outfitted(a_spec(nics=(NIC, "0000:b0:00.0"))).env)
    assert found["UCX_NET_DEVICES"] == "mlx5_1:1,mlx5_0:1"
    state = next(tree.root.glob("sys/devices/**/mlx5_1/ports/1/state"))
    state.write_text("1: DOWN\n")
    assert dict(outfitter(tree).outfitted(a_spec(nics=(NIC, "0000:b0:00.0"))).env)["UCX_NET_DEVICES"] == "mlx5_0:1"


def test_an_image_of_its_own_finds_the_drivers_libraries_in_a_folder_of_their_own(tree: TreeBuilder) -> None:
    spec = outfitter(tree).outfitted(a_spec((FIRST,)))
    assert Mount(f"{LIBRARIES}/libcuda.so.{VERSION}", f"{LIBRARY_FOLDER}/libcuda.so.1") in spec.mounts
    assert dict(spec.env)["LD_LIBRARY_PATH"] == LIBRARY_FOLDER
    assert ("nvidia", VERSION) in spec.drivers


def test_the_nodes_own_files_need_no_libraries_mounted(tree: TreeBuilder) -> None:
    spec = outfitter(tree).outfitted(a_spec((FIRST,), image="host"))
    assert not [mount for mount in spec.mounts if mount.target.startswith(LIBRARY_FOLDER)]
    assert "LD_LIBRARY_PATH" not in dict(spec.env)
    assert "/dev/nvidia0" in paths(spec.devices)


def test_what_the_job_sets_itself_wins(tree: TreeBuilder) -> None:
    spec = outfitter(tree).outfitted(a_spec((FIRST,), NVIDIA_VISIBLE_DEVICES="void", LD_LIBRARY_PATH="/opt/mine"))
    assert (dict(spec.env)["NVIDIA_VISIBLE_DEVICES"], dict(spec.env)["LD_LIBRARY_PATH"]) == ("void", "/opt/mine")


def test_bare_metal_gets_variables_and_checks_but_no_mounts(tree: TreeBuilder) -> None:
    spec = outfitter(tree).outfitted(a_spec((SECOND,), image="host"), "baremetal")
    assert spec.mounts == ()
    assert dict(spec.env)["CUDA_VISIBLE_DEVICES"] == "1"
    assert "CUDA_VISIBLE_DEVICES" not in dict(outfitter(tree).outfitted(a_spec((SECOND,))).env)
    tree.at("/dev/nvidia-uvm").unlink()
    with pytest.raises(DeviceFailure, match="nvidia-uvm is missing"):
        outfitter(tree).outfitted(a_spec((SECOND,), image="host"), "baremetal")


def test_bare_metal_on_the_files_of_an_image_gets_the_same_mounts_as_a_container(tree: TreeBuilder) -> None:
    bare, container = (outfitter(tree).outfitted(a_spec((SECOND,)), runtime) for runtime in ("baremetal", "lxc"))
    assert bare.mounts == container.mounts != ()


def test_a_task_sees_its_own_gpus_by_their_numbers_among_what_can_be_opened(tree: TreeBuilder) -> None:
    binding, task = Binding(ON_PU_0.cpus, ON_PU_0.mems, 0, (SECOND,)), TaskBinding(ON_PU_0.cpus, ON_PU_0.mems, (SECOND,))
    assert dict(outfitter(tree).task_env(binding, task)) == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0"}
    assert dict(outfitter(tree).task_env(binding, task, "baremetal"))["CUDA_VISIBLE_DEVICES"] == "1"
    assert outfitter(tree).task_env(ON_PU_0, TaskBinding(ON_PU_0.cpus, ON_PU_0.mems)) == ()


def test_each_vendor_counts_in_its_own_order(tmp_path: Path) -> None:
    amd_node(TreeBuilder(tmp_path))
    intel_node(TreeBuilder(tmp_path))
    amd, intel = ("0000:29:00.0", "0000:c1:00.0"), ("0000:4d:00.0", "0000:9a:00.0")
    binding = Binding(ON_PU_0.cpus, ON_PU_0.mems, 0, amd + intel)
    task = TaskBinding(ON_PU_0.cpus, ON_PU_0.mems, (amd[0], intel[1]))
    env = dict(outfitter(TreeBuilder(tmp_path)).task_env(binding, task))
    assert (env["ROCR_VISIBLE_DEVICES"], env["ZE_AFFINITY_MASK"]) == ("1", "1")


@pytest.mark.parametrize("device", ["0000:99:00.0", "", "nvidia0"])
def test_a_device_that_the_node_has_not_is_refused_by_its_id(tree: TreeBuilder, device: str) -> None:
    with pytest.raises(DeviceFailure, match=f"no device '{device}'") as failure:
        outfitter(tree).outfitted(a_spec((device,)))
    assert "\n" not in str(failure.value)
    with pytest.raises(DeviceFailure, match="no device"):
        outfitter(tree).task_env(ON_PU_0, TaskBinding(ON_PU_0.cpus, ON_PU_0.mems, (device,)))


def ids(config: AgentConfig, tree: TreeBuilder) -> list[str]:
    return [device.id for device in offered(config, tree.root)]


def test_all_devices_are_offered_or_those_that_the_site_names(tree: TreeBuilder) -> None:
    assert ids(AgentConfig(), tree) == [FIRST, SECOND, NIC, "0000:b0:00.0"]
    assert ids(AgentConfig(devices=(NIC, SECOND, NIC)), tree) == [NIC, SECOND]
    assert ids(AgentConfig(devices=()), tree) == []


def test_a_device_that_the_site_names_and_the_node_has_not_stops_the_agent_in_one_line(tree: TreeBuilder) -> None:
    with pytest.raises(
        ConfigError, match=r"\[agent\] devices: this node has no device '0000:77:00.0'; it has 0000:18"
    ) as failure:
        ids(AgentConfig(devices=("0000:77:00.0",)), tree)
    assert "\n" not in str(failure.value)


def test_devices_that_do_not_work_are_left_out_and_logged(tree: TreeBuilder, caplog: pytest.LogCaptureFixture) -> None:
    tree.at("/dev/nvidia0").unlink()
    with caplog.at_level(logging.WARNING):
        assert ids(AgentConfig(), tree) == [SECOND, NIC, "0000:b0:00.0"]
    assert "device node /dev/nvidia0 is missing; nvidia-modprobe -c 0 -u" in caplog.text


def test_a_cdi_file_that_is_refused_is_logged_and_named_to_who_asks_for_its_devices(
    tree: TreeBuilder, caplog: pytest.LogCaptureFixture
) -> None:
    cdi_node(tree)
    tree.cdi("example.json", {**cdi_content(), "kind": "example.com/gpu", "cdiVersion": "7"})
    with caplog.at_level(logging.WARNING):
        assert ids(AgentConfig(), tree) == [FIRST, SECOND, NIC, "0000:b0:00.0"]
    assert "/etc/cdi/example.json" in caplog.text
    with pytest.raises(ConfigError, match=r"example\.json"):
        ids(AgentConfig(devices=("example.com/gpu=0",)), tree)


def test_cdi_files_are_looked_for_where_the_site_says(tree: TreeBuilder) -> None:
    cdi_node(tree)
    tree.at("/etc/cdi").rename(tree.at("/opt/cdi"))
    assert "example.com/gpu=0" not in ids(AgentConfig(), tree)
    assert "example.com/gpu=0" in ids(AgentConfig(cdi_dirs=("/opt/cdi",)), tree)


def test_what_keeps_devices_from_jobs_is_said_once_for_each_vendor(tree: TreeBuilder) -> None:
    known = vendors(CDI_DIRS, tree.root)
    devices = discovered(known)
    assert list(broken(known, devices)) == []
    tree.at("/dev/nvidia0").unlink()
    tree.at("/dev/infiniband/uverbs1").unlink()
    told = list(broken(known, devices))
    assert [("/dev/nvidia0" in one, "/dev/infiniband/uverbs1" in one) for one in told] == [(True, False), (False, True)]


@pytest.mark.parametrize("folder", ["etc/cdi", "", "/etc/\0cdi"])
def test_a_folder_of_cdi_files_that_is_no_absolute_path_is_refused(tree: TreeBuilder, folder: str) -> None:
    with pytest.raises(ConfigError, match=r"^\[agent\] cdi_dirs: .* is no absolute path of a folder$"):
        offered(AgentConfig(cdi_dirs=(folder,)), tree.root)


def test_on_bare_metal_a_gpu_that_has_gone_since_is_named(tree: TreeBuilder) -> None:
    known = outfitter(tree)
    shutil.rmtree(tree.at(f"/proc/driver/nvidia/gpus/{SECOND}"))
    binding = replace(ON_PU_0, gpus=(FIRST, SECOND))
    task = TaskBinding(ON_PU_0.cpus, ON_PU_0.mems, (SECOND,))
    with pytest.raises(DeviceFailure, match=f"device {SECOND} .* is gone"):
        known.task_env(binding, task, "baremetal")
