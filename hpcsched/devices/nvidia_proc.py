"""What NVIDIA's kernel module says of itself in /proc/driver/nvidia (its README, "The /proc Interface"; MIG user guide)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hpcsched.devices.tree import Tree

FOLDER = "/proc/driver/nvidia"
_VERSION = re.compile(r"^NVRM version:.*?\s(\d+\.\d+(?:\.\d+)*)\s", re.MULTILINE)
_MAJOR = re.compile(r"^\s*(\d+) (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Gpu:
    """`minor`: of /dev/nvidiaN; `uuid` as `GPU-…`."""

    pci: str
    minor: int
    uuid: str
    model: str


@dataclass(frozen=True, slots=True)
class Instance:
    """A compute instance of a GPU that is split (MIG). `caps`: minors of the two nodes under /dev/nvidia-caps that open it."""

    gpu: Gpu
    gpu_instance: int
    compute_instance: int
    caps: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"nvidia{self.gpu.minor}/gi{self.gpu_instance}/ci{self.compute_instance}"

    @property
    def access_files(self) -> tuple[str, str]:
        """Of the GPU instance and of the compute instance in it; each says its minor."""
        place = f"{_mig_folder(self.gpu)}/gi{self.gpu_instance}"
        return f"{place}/access", f"{place}/ci{self.compute_instance}/access"


def module_version(tree: Tree) -> str:
    """Of the kernel module that is loaded; empty without one."""
    found = _VERSION.search(f"{tree.text(f'{FOLDER}/version')}\n")
    return found[1] if found else ""


def gpus(tree: Tree) -> tuple[Gpu, ...]:
    """By PCI address, as nvidia-smi numbers them; without those that the administrator excluded."""
    found = (_gpu(address, tree.fields(f"{FOLDER}/gpus/{address}/information")) for address in tree.names(f"{FOLDER}/gpus"))
    return tuple(sorted((gpu for gpu in found if gpu), key=lambda gpu: gpu.pci))


def _gpu(address: str, fields: dict[str, str]) -> Gpu | None:
    minor = fields.get("Device Minor", "")
    if not minor.isdigit() or fields.get("GPU Excluded") == "Yes":
        return None
    pci = fields.get("Bus Location", address).lower()
    return Gpu(pci, int(minor), fields.get("GPU UUID", ""), fields.get("Model", ""))


def instances(tree: Tree, gpu: Gpu) -> tuple[Instance, ...]:
    """Its MIG instances, none where it is not split."""
    place = _mig_folder(gpu)
    return tuple(
        _instance(tree, gpu, outer, inner)
        for outer in _numbers(tree, place, "gi")
        for inner in _numbers(tree, f"{place}/gi{outer}", "ci")
    )


def _mig_folder(gpu: Gpu) -> str:
    return f"{FOLDER}/capabilities/gpu{gpu.minor}/mig"


def _instance(tree: Tree, gpu: Gpu, outer: int, inner: int) -> Instance:
    files = Instance(gpu, outer, inner, ()).access_files
    return Instance(gpu, outer, inner, tuple(_minor(tree, path) for path in files))


def _minor(tree: Tree, access_file: str) -> int:
    minor = tree.fields(access_file).get("DeviceFileMinor", "")
    return int(minor) if minor.isdigit() else -1


def _numbers(tree: Tree, folder: str, prefix: str) -> Iterator[int]:
    for name in tree.names(folder):
        if name.startswith(prefix) and name[len(prefix) :].isdigit():
            yield int(name[len(prefix) :])


def majors(tree: Tree) -> dict[str, int]:
    """Numbers of character devices by driver, proc(5): `nvidia-uvm` gets another one each time that its module is loaded."""
    characters = tree.text("/proc/devices").partition("Block devices")[0]
    return {name: int(number) for number, name in _MAJOR.findall(characters)}
