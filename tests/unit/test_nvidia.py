"""NVIDIA's GPUs: drivers that were changed, MIG, numbers with gaps, files from CDI."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hpcsched.devices.nvidia import Nvidia
from hpcsched.devices.nvidia_mig import joined
from hpcsched.errors import DeviceFailure
from hpcsched.model.container import Mount
from tests.devicetrees import (
    CAPS,
    LIBRARIES,
    NVIDIA,
    UVM,
    VERSION,
    NvidiaGpu,
    TreeBuilder,
    mig_node,
    needs_device_nodes,
    nvidia_driver,
    nvidia_gpu,
    nvidia_libraries,
    nvidia_node,
)

pytestmark = needs_device_nodes
CDI = "/etc/cdi/nvidia.yaml"


@pytest.fixture
def tree(tmp_path: Path) -> TreeBuilder:
    return TreeBuilder(tmp_path)


def vendor(tree: TreeBuilder) -> Nvidia:
    return Nvidia(tree.root)


def failure(tree: TreeBuilder) -> DeviceFailure:
    with pytest.raises(DeviceFailure) as caught:
        vendor(tree).passthrough(vendor(tree).discover()[:1])
    assert "\n" not in str(caught.value)
    return caught.value


def write_cdi(tree: TreeBuilder, version: str = VERSION, **more: object) -> None:
    """As nvidia-ctk writes it: YAML, real files, and hooks for the links to them."""
    names = (f"{LIBRARIES}/libcuda.so.{version}", f"{LIBRARIES}/libnvidia-ml.so.{version}", "/run/nvidia-persistenced/socket")
    edits = {
        "env": ["NVIDIA_VISIBLE_DEVICES=void"],
        "deviceNodes": [{"path": "/dev/nvidiactl"}],
        "mounts": [{"hostPath": name, "containerPath": name, "options": ["ro", "bind"]} for name in names],
        "hooks": [{"hookName": "createContainer", "path": "/usr/bin/nvidia-cdi-hook", "args": ["nvidia-cdi-hook"]}],
        **more,
    }
    device = {"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia0"}]}}
    content = {"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [device], "containerEdits": edits}
    tree.text(CDI, yaml.safe_dump(content))


def test_a_gpu_is_named_by_its_pci_address_and_brings_the_common_nodes(tree: TreeBuilder) -> None:
    nvidia_node(tree)
    first, _ = vendor(tree).discover()
    assert (first.id, first.uuid, first.model, first.names) == (
        "0000:18:00.0",
        "GPU-00000000-0000-0000-0000-000000000000",
        "Made-up 80GB",
        ("nvidia0",),
    )
    assert {node.path for node in vendor(tree).passthrough((first,)).nodes} == {
        "/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset",
    }  # fmt: skip


def test_the_job_is_told_its_gpus_and_gets_libraries_under_all_their_names(tree: TreeBuilder) -> None:
    nvidia_node(tree)
    gpu = vendor(tree).discover()[0]
    found = vendor(tree).passthrough((gpu,))
    assert dict(found.env) == {"NVIDIA_VISIBLE_DEVICES": gpu.uuid, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert dict(found.libraries)["libcuda.so.1"] == f"{LIBRARIES}/libcuda.so.{VERSION}"
    assert dict(found.libraries)[f"libnvidia-ml.so.{VERSION}"] == f"{LIBRARIES}/libnvidia-ml.so.{VERSION}"
    assert Mount("/usr/bin/nvidia-smi", "/usr/bin/nvidia-smi") in found.mounts
    assert dict(found.drivers) == {"nvidia": VERSION, "libcuda": VERSION}


def test_the_open_kernel_module_has_its_version_elsewhere_in_the_line(tree: TreeBuilder) -> None:
    nvidia_node(tree)
    text = f"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {VERSION}  Release Build  (a@b)  Mon Jan  1\n"
    tree.text("/proc/driver/nvidia/version", text)
    assert dict(vendor(tree).passthrough(vendor(tree).discover()).drivers)["nvidia"] == VERSION


def test_gaps_in_minors_do_not_shift_what_is_granted_or_counted(tree: TreeBuilder) -> None:
    nvidia_node(tree, (NvidiaGpu("0000:17:00.0", 7), NvidiaGpu("0000:65:00.0", 2), NvidiaGpu("0000:ca:00.0", 5)))
    devices = vendor(tree).discover()
    assert [(device.index, device.names[0]) for device in devices] == [(0, "nvidia7"), (1, "nvidia2"), (2, "nvidia5")]
    granted = {node.path for node in vendor(tree).passthrough(devices[1:2]).nodes}
    assert "/dev/nvidia2" in granted
    assert not granted & {"/dev/nvidia5", "/dev/nvidia7"}
    assert dict(vendor(tree).visible(devices[1:], devices[2:]))["CUDA_VISIBLE_DEVICES"] == "1"
    assert dict(vendor(tree).visible(devices, devices[2:]))["CUDA_VISIBLE_DEVICES"] == "2"


def test_a_gpu_that_the_administrator_excluded_is_not_handed_out_but_can_be_refused(tree: TreeBuilder) -> None:
    nvidia_node(tree)
    information = tree.at("/proc/driver/nvidia/gpus/0000:18:00.0/information")
    information.write_text(information.read_text().replace("Excluded:\t No", "Excluded:\t Yes"))
    assert [device.id for device in vendor(tree).discover()] == ["0000:af:00.0"]
    assert "/dev/nvidia0" in {node.path for node in vendor(tree).nodes()}


def test_libraries_of_another_version_than_the_kernel_module_are_refused(tree: TreeBuilder) -> None:
    nvidia_driver(tree)
    nvidia_gpu(tree, NvidiaGpu("0000:18:00.0", 0))
    nvidia_libraries(tree, "550.90.07")
    assert failure(tree).what == f"the NVIDIA kernel module is {VERSION}, but the libraries of the node are 550.90.07"
    assert "reboot" in failure(tree).mend


def test_a_driver_without_libraries_is_refused(tree: TreeBuilder) -> None:
    nvidia_driver(tree)
    nvidia_gpu(tree, NvidiaGpu("0000:18:00.0", 0))
    assert f"no libcuda.so.{VERSION}" in failure(tree).what


def test_a_node_left_from_a_module_that_was_loaded_anew_is_refused(tree: TreeBuilder) -> None:
    nvidia_node(tree)
    devices = tree.at("/proc/devices")
    devices.write_text(devices.read_text().replace(f"{UVM} nvidia-uvm", "499 nvidia-uvm"))
    assert failure(tree).what == f"/dev/nvidia-uvm has major number {UVM}, the driver now has 499"


def test_a_module_that_is_not_loaded_any_more_is_said(tree: TreeBuilder) -> None:
    nvidia_node(tree)
    tree.at("/proc/driver/nvidia/version").unlink()
    assert failure(tree).mend == "modprobe nvidia"


def test_libraries_are_found_by_the_linkers_cache_wherever_they_lie(tree: TreeBuilder) -> None:
    nvidia_driver(tree)
    nvidia_gpu(tree, NvidiaGpu("0000:18:00.0", 0))
    tree.library("libcuda", VERSION, "/opt/nvidia/lib")
    tree.link("/etc/alternatives/libcuda", "/opt/nvidia/lib/libcuda.so.1")
    tree.link(f"{LIBRARIES}/libcuda.so.1", "/etc/alternatives/libcuda")
    tree.at("/etc/ld.so.cache").write_bytes(b"glibc-ld.so.cache1.1\0\x05" + f"libcuda.so.1\0{LIBRARIES}/libcuda.so.1\0".encode())
    assert (
        dict(vendor(tree).passthrough(vendor(tree).discover()).libraries)["libcuda.so.1"]
        == f"/opt/nvidia/lib/libcuda.so.{VERSION}"
    )


def test_libraries_of_32_bits_stay_out(tree: TreeBuilder) -> None:
    nvidia_node(tree)
    tree.at(f"{LIBRARIES}/libnvidia-gl.so.{VERSION}").write_bytes(b"\x7fELF\x01")
    names = dict(vendor(tree).passthrough(vendor(tree).discover()).libraries)
    assert f"libnvidia-gl.so.{VERSION}" not in names
    assert f"libcuda.so.{VERSION}" in names


def test_the_vendors_own_list_of_libraries_comes_first(tree: TreeBuilder) -> None:
    nvidia_node(tree)
    tree.program("/usr/bin/nvidia-container-cli", f'[ "$*" = "list --libraries" ] && echo {LIBRARIES}/libcuda.so.{VERSION}')
    assert set(dict(vendor(tree).passthrough(vendor(tree).discover()).libraries)) == {"libcuda.so.1", f"libcuda.so.{VERSION}"}
    tree.program("/usr/bin/nvidia-container-cli", "echo nothing; exit 1")
    assert "libnvidia-ml.so.1" in dict(vendor(tree).passthrough(vendor(tree).discover()).libraries)


def test_the_sites_cdi_file_says_which_files_come_along(tree: TreeBuilder) -> None:
    nvidia_node(tree)
    write_cdi(tree)
    gpu = vendor(tree).discover()[0]
    found = vendor(tree).passthrough((gpu,))
    assert [mount.source for mount in found.mounts] == [
        f"{LIBRARIES}/libcuda.so.{VERSION}",
        f"{LIBRARIES}/libnvidia-ml.so.{VERSION}",
    ]
    assert "libcuda.so.1" in dict(found.libraries)
    assert dict(found.env)["NVIDIA_VISIBLE_DEVICES"] == gpu.uuid
    not_done = {what for name, what in found.drivers if "not done" in name}
    assert not_done == {"hook createContainer /usr/bin/nvidia-cdi-hook", "socket /run/nvidia-persistenced/socket"}


def test_a_cdi_file_of_a_driver_that_is_gone_comes_with_the_command_that_writes_it_anew(tree: TreeBuilder) -> None:
    nvidia_node(tree)
    write_cdi(tree, "535.1.2")
    assert f"CDI file {CDI} names {LIBRARIES}/libcuda.so.535.1.2, which is not there any more" in failure(tree).what
    assert failure(tree).mend == f"nvidia-ctk cdi generate --output={CDI}"


def test_a_cdi_file_of_another_driver_that_is_still_there_is_refused(tree: TreeBuilder) -> None:
    nvidia_node(tree)
    for name in ("libcuda", "libnvidia-ml"):
        tree.at(f"{LIBRARIES}/{name}.so.535.1.2").write_bytes(b"\x7fELF\x02")
    write_cdi(tree, "535.1.2")
    assert f"the NVIDIA kernel module is {VERSION}, but the libraries of CDI file {CDI} are 535.1.2" == failure(tree).what


def test_a_cdi_file_that_brings_in_the_passwords_is_refused(tree: TreeBuilder) -> None:
    nvidia_node(tree)
    tree.text("/etc/shadow", "secret")
    write_cdi(tree, mounts=[{"hostPath": "/etc/shadow", "containerPath": f"{LIBRARIES}/libcuda.so.1"}])
    assert "'/etc/shadow'" in failure(tree).what


def test_a_split_gpu_is_handed_out_in_parts_by_the_uuids_of_nvidia_smi(tree: TreeBuilder) -> None:
    mig_node(tree)
    one, five, whole = vendor(tree).discover()
    assert [device.id for device in (one, five, whole)] == ["MIG-one", "MIG-five", "0000:af:00.0"]
    assert (one.pci, one.numa, one.model, five.model) == (
        "0000:18:00.0",
        0,
        "Made-up 80GB MIG 1g.10gb",
        "Made-up 80GB MIG 3g.40gb",
    )


def test_a_part_of_a_gpu_opens_its_own_capabilities_only(tree: TreeBuilder) -> None:
    mig_node(tree)
    one, five, _ = vendor(tree).discover()
    nodes = {node.path: node for node in vendor(tree).passthrough((one,)).nodes}
    assert {path for path in nodes if "cap" in path} == {"/dev/nvidia-caps/nvidia-cap12", "/dev/nvidia-caps/nvidia-cap13"}
    assert (nodes["/dev/nvidia-caps/nvidia-cap12"].major, nodes["/dev/nvidia-caps/nvidia-cap12"].access) == (CAPS, "r")
    assert nodes["/dev/nvidia0"].major == NVIDIA
    assert "/dev/nvidia1" not in nodes
    refused = {node.path for node in vendor(tree).nodes()} - nodes.keys()
    assert {"/dev/nvidia-caps/nvidia-cap48", "/dev/nvidia-caps/nvidia-cap49", "/dev/nvidia1"} <= refused
    assert dict(vendor(tree).visible((one, five), (five,)))["CUDA_VISIBLE_DEVICES"] == "MIG-five"


def test_parts_of_a_gpu_have_a_name_without_nvidia_smi(tree: TreeBuilder) -> None:
    mig_node(tree)
    tree.at("/usr/bin/nvidia-smi").unlink()
    assert vendor(tree).discover()[0].id == "MIG-GPU-00000000-0000-0000-0000-000000000000/1/0"


def test_a_gpu_that_was_split_or_a_part_that_was_taken_away_fails(tree: TreeBuilder) -> None:
    mig_node(tree)
    one = vendor(tree).discover()[0]
    whole = Nvidia(tree.root).discover()[2]
    tree.at("/proc/driver/nvidia/capabilities/gpu0/mig/gi1").rename(tree.at("/proc/driver/nvidia/capabilities/gpu1/mig/gi1"))
    with pytest.raises(DeviceFailure, match=r"MIG instance MIG-one of GPU 0000:18:00.0 is gone"):
        vendor(tree).passthrough((one,))
    with pytest.raises(DeviceFailure, match=r"0000:af:00.0 was split into 1 MIG"):
        vendor(tree).passthrough((whole,))


@pytest.mark.parametrize(("listed", "described"), [("", ""), ("GPU 0: x (UUID: GPU-a)\n", "<broken"), ("no driver", "<a/>")])
def test_what_nvidia_smi_does_not_say_is_no_uuid(listed: str, described: str) -> None:
    assert joined(listed, described) == {}


def test_only_a_broken_file_that_names_nvidias_kind_keeps_its_gpus_from_jobs(tree: TreeBuilder) -> None:
    nvidia_node(tree)
    tree.text("/etc/cdi/other.json", '{"kind": "example.com/gpu"')
    assert vendor(tree).passthrough(vendor(tree).discover()).libraries
    tree.text("/etc/cdi/broken.json", '{"kind": "nvidia.com/gpu"')
    assert failure(tree).what.startswith("CDI file /etc/cdi/broken.json")
