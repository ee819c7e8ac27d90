"""Which GPUs there are, by small copies of /dev and /sys."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import gpu
from hpcsched.bench.gpus import compiler, cpu_of_each_node, gfx, sm
from hpcsched.errors import MissingTool, Unsupported
from hpcsched.model.idset import IdSet


def test_a_node_without_gpus_names_what_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"no NVIDIA, AMD or Intel GPU: no .*/nvidiactl, no .*/kfd"):
        compiler(tmp_path, tmp_path)


def test_an_intel_gpu_is_named_and_not_measured(tmp_path: Path) -> None:
    for name, vendor in (("renderD128", "0x1002"), ("renderD129", "0x8086")):
        (tmp_path / "dri").mkdir(exist_ok=True)
        (tmp_path / "dri" / name).touch()
        (tmp_path / f"class/drm/{name}/device").mkdir(parents=True)
        (tmp_path / f"class/drm/{name}/device/vendor").write_text(vendor + "\n")
    with pytest.raises(Unsupported, match=r"an Intel GPU .*renderD129"):
        compiler(tmp_path, tmp_path)


@pytest.mark.parametrize(("node", "tool"), [("nvidiactl", "nvcc"), ("kfd", "hipcc")])
def test_gpus_without_their_compiler_say_which_one(node: str, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / node).touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("hpcsched.bench.gpus.CUDA_FOLDER", str(tmp_path))
    monkeypatch.setattr("hpcsched.bench.gpus.ROCM_FOLDER", str(tmp_path))
    with pytest.raises(MissingTool, match=f"no {tool}"):
        compiler(tmp_path, tmp_path)
    (tmp_path / tool).write_text("#!/bin/sh\n")
    (tmp_path / tool).chmod(0o755)
    assert compiler(tmp_path, tmp_path).path == str(tmp_path / tool)


@pytest.mark.parametrize(("text", "wanted"), [("9.0\n", "sm_90"), ("12.0\n8.9\n", "sm_89"), ("N/A\n", "native"), ("", "native")])
def test_cuda_code_is_for_the_oldest_gpu(text: str, wanted: str) -> None:
    assert sm(text) == wanted


@pytest.mark.parametrize(
    ("version", "wanted"), [("90010", "gfx90a"), ("90402", "gfx942"), ("110000", "gfx1100"), ("0", "native")]
)
def test_hip_code_is_for_the_gpu_that_kfd_shows(version: str, wanted: str, tmp_path: Path) -> None:
    for node, number in (("0", "0"), ("1", version)):
        file = tmp_path / f"class/kfd/kfd/topology/nodes/{node}/properties"
        file.parent.mkdir(parents=True)
        file.write_text(f"cpu_cores_count 0\ngfx_target_version {number}\nvendor_id 4098\n")
    assert gfx(tmp_path) == wanted


def test_each_numa_node_copies_with_its_lowest_bound_cpu(tmp_path: Path) -> None:
    for node, cpus in ((0, "0-3"), (1, "4-7"), (2, "8-9"), (10, "")):
        file = tmp_path / f"devices/system/node/node{node}/cpulist"
        file.parent.mkdir(parents=True)
        file.write_text(cpus + "\n")
    (tmp_path / "devices/system/node/has_memory").write_text("0-1,10\n")
    assert cpu_of_each_node(IdSet.parse("2-3,6,8"), tmp_path) == [(0, 2), (1, 6)]
    assert cpu_of_each_node(IdSet.parse("2-3,6"), tmp_path) == [(0, 2), (1, 6)]
    assert cpu_of_each_node(IdSet.parse("5"), tmp_path) == [(1, 5)]
    assert cpu_of_each_node(IdSet.parse("5"), tmp_path / "none") == [(0, 5)]


def test_what_of_the_gpus_is_not_measured_is_told() -> None:
    assert gpu.lacks(0, IdSet()) == ()
    assert gpu.lacks(0, IdSet.of((1,))) == ("copies to and from the memory of NUMA node 1: no core there is bound",)
    assert gpu.lacks(3, IdSet())[0].startswith("3 more GPUs")
