"""What `doctor gpu` says of made-up nodes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpcsched.cli import check_gpu
from hpcsched.cli.check import Check, Status
from hpcsched.cli.main import invoke
from hpcsched.devices.base import CDI_DIRS
from tests.devicetrees import (
    LIBRARIES,
    NODES,
    TreeBuilder,
    cdi_content,
    needs_device_nodes,
    nvidia_driver,
    nvidia_gpu,
    nvidia_node,
)
from tests.devicetrees import NvidiaGpu as Gpu


def looked_at(root: Path) -> dict[str, Check]:
    return {check.name: check for check in check_gpu.examine(CDI_DIRS, root)}


def test_a_node_without_any_is_told_what_was_looked_for(tmp_path: Path) -> None:
    checks = looked_at(tmp_path)
    assert checks["nvidia"].found == "none: looked for /proc/driver/nvidia/gpus"
    assert checks["amd"].found == "none: looked for /sys/class/kfd/kfd/topology/nodes"
    assert checks["rdma"].found == "none: looked for /sys/class/infiniband"
    assert checks["CDI files"].found == "none in /etc/cdi /var/run/cdi"
    assert {check.status for check in checks.values()} == {Status.OK}
    assert check_gpu.summary(CDI_DIRS, tmp_path).found == "none"


@needs_device_nodes
@pytest.mark.parametrize("vendor", sorted(NODES))
def test_every_device_is_shown_with_its_place_and_how_its_nodes_open(vendor: str, tmp_path: Path) -> None:
    NODES[vendor](TreeBuilder(tmp_path))
    shown = [check for check in looked_at(tmp_path).values() if "NUMA node" in check.found]
    assert ["NUMA node 0, PUs 0-3" in check.found for check in shown] == [True, False]
    assert all("/dev/" in check.found for check in shown)


@needs_device_nodes
def test_a_driver_that_does_not_fit_its_libraries_comes_with_the_command_that_mends_it(tmp_path: Path) -> None:
    tree = TreeBuilder(tmp_path)
    nvidia_node(tree)
    for path in tree.at(LIBRARIES).iterdir():
        path.unlink()
    tree.library("libcuda", "535.1.2")
    check = looked_at(tmp_path)["0000:18:00.0"]
    assert check.status is Status.WARN
    assert "550.54.15" in check.found
    assert "535.1.2" in check.found
    assert "reboot" in check.mend
    assert check_gpu.summary(CDI_DIRS, tmp_path).mend == "hpcsched doctor gpu"


def test_hardware_that_no_driver_serves_is_named(tmp_path: Path) -> None:
    TreeBuilder(tmp_path).pci("0000:18:00.0", 0x10DE, 0x030200, "nouveau")
    check = looked_at(tmp_path)["0000:18:00.0"]
    assert (check.status, check.found) == (Status.WARN, "NVIDIA GPU, driver: nouveau")
    assert "nvidia-driver" in check.mend


@needs_device_nodes
def test_a_device_node_that_is_missing_is_named(tmp_path: Path) -> None:
    tree = TreeBuilder(tmp_path)
    nvidia_driver(tree)
    nvidia_gpu(tree, Gpu("0000:18:00.0", 3))
    tree.at("/dev/nvidia-uvm").unlink()
    check = looked_at(tmp_path)["0000:18:00.0"]
    assert "/dev/nvidia-uvm is missing" in check.found
    assert check.mend == "nvidia-modprobe -c 0 -u"


def test_a_cdi_file_that_is_refused_is_named(tmp_path: Path) -> None:
    tree = TreeBuilder(tmp_path)
    tree.cdi("good.json", {**cdi_content(), "cdiVersion": "9.9.9"})
    check = looked_at(tmp_path)["cdi"]
    assert check.status is Status.WARN
    assert "/etc/cdi/good.json" in check.found
    assert "9.9.9" in check.found


def test_the_command_looks_for_cdi_files_where_the_settings_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "hpcsched.toml"
    config.write_text(f'[agent]\ncdi_dirs = ["{tmp_path}/cdi"]\n')
    assert invoke(["doctor", "gpu", "--config", str(config), "--output", "json"]) == 0
    found = {check["name"]: check["found"] for check in json.loads(capsys.readouterr().out)}
    assert found["CDI files"] == f"none in {tmp_path}/cdi"


def test_the_command_prints_every_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["doctor", "gpu", "--output", "json"]) == 0
    names = {check["name"] for check in json.loads(capsys.readouterr().out)}
    assert "CDI files" in names
    assert invoke(["doctor", "gpu", "--output", "plain"]) == 0
    assert {line.split("\t")[0] for line in capsys.readouterr().out.splitlines()} == names
    assert invoke(["doctor", "cpu"]) == 2
