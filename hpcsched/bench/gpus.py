"""Which maker's GPUs this node has, and the compiler for them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hpcsched.bench.machine import SYS, by_node
from hpcsched.errors import MissingTool, Unsupported
from hpcsched.model.idset import IdSet

DEV = Path("/dev")
ASK_LIMIT_S = 30.0
CUDA_FOLDER, ROCM_FOLDER = "/usr/local/cuda/bin", "/opt/rocm/bin"
"""Where the makers' installers put compilers, which is on no job's search path."""
INSTALL_CUDA = "install the CUDA toolkit: apt install cuda-toolkit (NVIDIA's repository) or nvidia-cuda-toolkit"
INSTALL_HIP = "install it: apt install hipcc libamdhip64-dev, or ROCm's hipcc"


@dataclass(frozen=True, slots=True)
class Compiler:
    """`env`: to be set while it runs."""

    path: str
    flags: tuple[str, ...]
    env: Mapping[str, str]


def compiler(dev: Path = DEV, sys: Path = SYS) -> Compiler:
    """Raises Unsupported without a GPU that it could compile for, MissingTool without a compiler."""
    if (dev / "nvidiactl").exists():
        path = _tool("nvcc", CUDA_FOLDER, INSTALL_CUDA)
        return Compiler(path, ("-O3", f"-arch={_sm()}", "-Werror", "all-warnings"), {})
    if (dev / "kfd").exists():
        path = _tool("hipcc", ROCM_FOLDER, INSTALL_HIP)
        return Compiler(path, ("-x", "hip", "-O3", f"--offload-arch={gfx(sys)}", "-Wall", "-Werror"), {"HIP_PLATFORM": "amd"})
    raise Unsupported(_none(dev, sys))


def _none(dev: Path, sys: Path) -> str:
    renders = sorted(path.name for path in (dev / "dri").glob("renderD*"))
    intel = [name for name in renders if _text(sys / f"class/drm/{name}/device/vendor") == "0x8086"]
    if intel:
        return f"an Intel GPU (/dev/dri/{intel[0]}), for which there is no program here: CUDA and HIP alone"
    return f"no NVIDIA, AMD or Intel GPU: no {dev}/nvidiactl, no {dev}/kfd, no Intel device in {dev}/dri"


def _tool(name: str, folder: str, install: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=folder)
    if found is None:
        raise MissingTool(f"no {name} on this node for its GPUs; {install}")
    return found


def _sm() -> str:
    """The oldest of the GPUs there, so that one program runs on all; `native` where nvidia-smi does not tell."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "native"
    command = [tool, "--query-gpu=compute_cap", "--format=csv,noheader"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ASK_LIMIT_S)
    return sm(asked.stdout)


def sm(text: str) -> str:
    """From lines as `9.0`."""
    found = [(int(match[1]), int(match[2])) for match in re.finditer(r"^\s*(\d+)\.(\d+)\s*$", text, re.MULTILINE)]
    return "sm_{}{}".format(*min(found)) if found else "native"


def gfx(sys: Path = SYS) -> str:
    """Of the first GPU that KFD shows: `gfx90a` for gfx_target_version 90010; `native` where there is none."""
    for file in sorted(sys.glob("class/kfd/kfd/topology/nodes/*/properties")):
        found = re.search(r"^gfx_target_version (\d+)$", _text(file), re.MULTILINE)
        if found and int(found[1]):
            version = int(found[1])
            return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"
    return "native"


def cpu_of_each_node(cpus: IdSet, sys: Path = SYS) -> list[tuple[int, int]]:
    """(NUMA node, its lowest bound PU) for each with memory that has one; (0, the lowest) where the kernel names no nodes."""
    return [(node, min(local)) for node, local in by_node(cpus, sys).items()]


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
