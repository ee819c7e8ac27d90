"""Made-up nodes: trees of /sys, /proc, /dev and libraries, as drivers of GPUs and fabric leave them."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

VERSION = "550.54.15"
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
NVIDIA, UVM, CAPS, DRI, KFD, VERBS = 195, 510, 509, 226, 507, 231


@cache
def _can_make_nodes() -> bool:
    with TemporaryDirectory() as folder:
        try:
            os.mknod(f"{folder}/node", stat.S_IFCHR | 0o600, os.makedev(NVIDIA, 0))
        except OSError:
            return False
    return True


needs_device_nodes = pytest.mark.skipif(not _can_make_nodes(), reason="mknod(2) is not allowed here: device nodes need root")


@dataclass(frozen=True)
class TreeBuilder:
    """Writes below `root`; paths are those of the node."""

    root: Path

    def at(self, path: str) -> Path:
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def text(self, path: str, text: str) -> None:
        self.at(path).write_text(text)

    def link(self, path: str, target: str) -> None:
        self.at(path).symlink_to(target)

    def node(self, path: str, major: int, minor: int, kind: int = stat.S_IFCHR) -> None:
        os.mknod(self.at(path), kind | 0o666, os.makedev(major, minor))

    def program(self, path: str, script: str) -> None:
        self.text(path, f"#!/bin/sh\n{script}\n")
        self.at(path).chmod(0o755)

    def library(self, name: str, version: str, folder: str = LIBRARIES) -> None:
        """`libX.so.VERSION` with the names that ldconfig gives it."""
        self.at(f"{folder}/{name}.so.{version}").write_bytes(b"\x7fELF\x02made up")
        self.link(f"{folder}/{name}.so.1", f"{name}.so.{version}")

    def pci(
        self, address: str, vendor: int, code: int, driver: str = "", numa: int = -1, cpus: str = "", bridge: str = "0000:00:01.0"
    ) -> str:
        """A function behind a bridge (`` for none); returns its place under /sys/devices."""
        place = f"/sys/devices/pci0000:00/{bridge}/{address}" if bridge else f"/sys/devices/pci0000:00/{address}"
        for name, value in (("vendor", f"{vendor:#06x}"), ("class", f"{code:#08x}"), ("device", "0x1234")):
            self.text(f"{place}/{name}", f"{value}\n")
        self.text(f"{place}/numa_node", f"{numa}\n")
        self.text(f"{place}/local_cpulist", f"{cpus}\n")
        if driver:
            self.at(f"/sys/bus/pci/drivers/{driver}").mkdir(exist_ok=True)
            self.link(f"{place}/driver", f"/sys/bus/pci/drivers/{driver}")
        self.link(f"/sys/bus/pci/devices/{address}", f"../../..{place.removeprefix('/sys')}")
        return place

    def drm(self, place: str, card: int, render: int) -> None:
        for name, minor in ((f"card{card}", card), (f"renderD{render}", render)):
            self.at(f"{place}/drm/{name}/dev").write_text(f"{DRI}:{minor}\n")
            self.node(f"/dev/dri/{name}", DRI, minor)
            self.link(f"/sys/class/drm/{name}", f"{place}/drm/{name}")

    def cdi(self, name: str, content: Any) -> None:
        self.text(f"/etc/cdi/{name}", json.dumps(content))


@dataclass(frozen=True)
class NvidiaGpu:
    pci: str
    minor: int
    numa: int = 0
    cpus: str = "0-3"

    @property
    def uuid(self) -> str:
        return f"GPU-00000000-0000-0000-0000-{self.minor:012d}"


def nvidia_driver(tree: TreeBuilder, version: str = VERSION) -> None:
    tree.text(
        "/proc/driver/nvidia/version",
        f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {version}  Mon Jan  1 00:00:00 UTC 2024\nGCC version:  gcc 12\n",
    )
    tree.text(
        "/proc/devices",
        f"Character devices:\n  1 mem\n{NVIDIA} nvidia-frontend\n{UVM} nvidia-uvm\n{CAPS} nvidia-caps\n\nBlock devices:\n",
    )
    for name, major, minor in (("nvidiactl", NVIDIA, 255), ("nvidia-uvm", UVM, 0), ("nvidia-uvm-tools", UVM, 1)):
        tree.node(f"/dev/{name}", major, minor)
    tree.node("/dev/nvidia-modeset", NVIDIA, 254)


def nvidia_libraries(tree: TreeBuilder, version: str = VERSION) -> None:
    for name in ("libcuda", "libnvidia-ml", "libnvidia-ptxjitcompiler"):
        tree.library(name, version)
    tree.program("/usr/bin/nvidia-smi", "exit 1")


def nvidia_gpu(tree: TreeBuilder, gpu: NvidiaGpu) -> None:
    tree.pci(gpu.pci, 0x10DE, 0x030200, "nvidia", gpu.numa, gpu.cpus)
    tree.text(
        f"/proc/driver/nvidia/gpus/{gpu.pci}/information",
        f"Model: \t\t Made-up 80GB\nIRQ:   \t\t 90\nGPU UUID: \t {gpu.uuid}\nBus Type: \t PCIe\n"
        f"Bus Location: \t {gpu.pci}\nDevice Minor: \t {gpu.minor}\nGPU Firmware: \t {VERSION}\nGPU Excluded:\t No\n",
    )
    tree.node(f"/dev/nvidia{gpu.minor}", NVIDIA, gpu.minor)


def nvidia_node(
    tree: TreeBuilder, gpus: Sequence[NvidiaGpu] = (NvidiaGpu("0000:18:00.0", 0), NvidiaGpu("0000:af:00.0", 1, 1, "4-7"))
) -> None:
    """By default two GPUs on two NUMA nodes, driver and libraries of one version."""
    nvidia_driver(tree)
    nvidia_libraries(tree)
    for gpu in gpus:
        nvidia_gpu(tree, gpu)


def mig_instance(tree: TreeBuilder, gpu: NvidiaGpu, outer: int, inner: int, caps: tuple[int, int]) -> None:
    place = f"/proc/driver/nvidia/capabilities/gpu{gpu.minor}/mig/gi{outer}"
    for path, minor in ((place, caps[0]), (f"{place}/ci{inner}", caps[1])):
        if not tree.at(f"{path}/access").exists():
            tree.text(f"{path}/access", f"DeviceFileMinor: {minor}\nDeviceFileMode: 444\nDeviceFileModify: 1\n")
            tree.node(f"/dev/nvidia-caps/nvidia-cap{minor}", CAPS, minor)


def mig_node(tree: TreeBuilder) -> None:
    """One GPU in two parts, of which nvidia-smi tells the UUIDs in another order than the kernel's, and a whole one."""
    split, whole = NvidiaGpu("0000:18:00.0", 0), NvidiaGpu("0000:af:00.0", 1, 1, "4-7")
    nvidia_node(tree, (split, whole))
    mig_instance(tree, split, 1, 0, (12, 13))
    mig_instance(tree, split, 5, 0, (48, 49))
    listed = (
        f"GPU 0: Made-up 80GB (UUID: {split.uuid})\n  MIG 3g.40gb     Device  0: (UUID: MIG-five)\n"
        f"  MIG 1g.10gb     Device  1: (UUID: MIG-one)\nGPU 1: Made-up 80GB (UUID: {whole.uuid})\n"
    )
    migs = "".join(
        f"<mig_device><index>{index}</index><gpu_instance_id>{outer}</gpu_instance_id>"
        "<compute_instance_id>0</compute_instance_id></mig_device>"
        for index, outer in ((0, 5), (1, 1))
    )
    described = (
        f"<nvidia_smi_log><gpu><uuid>{split.uuid}</uuid><mig_devices>{migs}</mig_devices></gpu>"
        f"<gpu><uuid>{whole.uuid}</uuid></gpu></nvidia_smi_log>"
    )
    tree.text("/listed", listed)
    tree.text("/described", described)
    tree.program("/usr/bin/nvidia-smi", f'case "$1" in -L) cat {tree.root}/listed;; *) cat {tree.root}/described;; esac')


def amd_gpu(tree: TreeBuilder, address: str, node: int, card: int, render: int, numa: int, cpus: str) -> None:
    place = tree.pci(address, 0x1002, 0x038000, "amdgpu", numa, cpus)
    tree.drm(place, card, render)
    bus, device = int(address[5:7], 16), int(address[8:10], 16)
    kfd_node(tree, node, f"domain 0\nlocation_id {bus << 8 | device << 3}\ndrm_render_minor {render}\nunique_id {node + 4096}\n")


def kfd_node(tree: TreeBuilder, node: int, properties: str, gpu_id: int = 4711) -> None:
    place = f"/sys/class/kfd/kfd/topology/nodes/{node}"
    tree.text(f"{place}/gpu_id", f"{gpu_id}\n")
    tree.text(f"{place}/name", "madeup\n")
    tree.text(f"{place}/properties", f"cpu_cores_count 0\nsimd_count 440\n{properties}")


def amd_node(tree: TreeBuilder) -> None:
    """KFD counts the processors first, and the GPUs not by their PCI address."""
    tree.node("/dev/kfd", KFD, 0)
    kfd_node(tree, 0, "drm_render_minor 0\n", gpu_id=0)
    amd_gpu(tree, "0000:c1:00.0", 1, 5, 140, 1, "4-7")
    amd_gpu(tree, "0000:29:00.0", 2, 6, 141, 0, "0-3")


def intel_node(tree: TreeBuilder) -> None:
    """Graphics in the processor, and two cards."""
    tree.drm(tree.pci("0000:00:02.0", 0x8086, 0x030000, "i915", bridge=""), 0, 128)
    tree.drm(tree.pci("0000:4d:00.0", 0x8086, 0x038000, "xe", 0, "0-3"), 1, 129)
    tree.drm(tree.pci("0000:9a:00.0", 0x8086, 0x030000, "i915", 1, "4-7"), 2, 130)


def hca(tree: TreeBuilder, number: int, address: str, numa: int, cpus: str, link: str = "InfiniBand", up: bool = True) -> None:
    name = f"mlx5_{number}"
    place = tree.pci(address, 0x15B3, 0x020700, "mlx5_core", numa, cpus)
    device = f"{place}/infiniband/{name}"
    for path, text in (("hca_type", "MT4129"), ("fw_ver", "28.39.1002"), ("node_guid", f"0c42:a103:0000:000{number}")):
        tree.text(f"{device}/{path}", f"{text}\n")
    tree.text(f"{device}/ports/1/state", "4: ACTIVE\n" if up else "1: DOWN\n")
    tree.text(f"{device}/ports/1/link_layer", f"{link}\n")
    tree.link(f"{device}/device", "../..")
    tree.link(f"/sys/class/infiniband/{name}", f"../..{device.removeprefix('/sys')}")
    tree.text(f"/sys/class/infiniband_verbs/uverbs{number}/ibdev", f"{name}\n")
    for kind, minor in (("uverbs", 192), ("umad", 0), ("issm", 64)):
        tree.node(f"/dev/infiniband/{kind}{number}", VERBS, minor + number)


def rdma_node(tree: TreeBuilder) -> None:
    """Two cards, and one made of software."""
    tree.node("/dev/infiniband/rdma_cm", 10, 58)
    hca(tree, 0, "0000:b0:00.0", 1, "4-7")
    hca(tree, 1, "0000:19:00.0", 0, "0-3", "Ethernet")
    tree.text("/sys/devices/virtual/infiniband/rxe0/node_guid", "0\n")
    tree.link("/sys/class/infiniband/rxe0", "../../devices/virtual/infiniband/rxe0")


CDI_MAJOR = 240


def cdi_content(names: Sequence[str] = ("0", "1"), kind: str = "example.com/gpu") -> dict[str, Any]:
    devices = [{"name": name, "containerEdits": {"deviceNodes": [{"path": f"/dev/xpu{name}"}]}} for name in names]
    return {
        "cdiVersion": "0.6.0",
        "kind": kind,
        "devices": devices,
        "containerEdits": {
            "env": ["XPU_MODE=compute"],
            "deviceNodes": [{"path": "/dev/xpuctl"}],
            "mounts": [{"hostPath": f"{LIBRARIES}/libxpu.so.7.1", "containerPath": f"{LIBRARIES}/libxpu.so.7.1"}],
            "hooks": [{"hookName": "createContainer", "path": "/usr/bin/xpu-hook", "args": ["xpu-hook", "ldcache"]}],
        },
    }


def cdi_node(tree: TreeBuilder) -> None:
    """Two GPUs of a vendor that only a CDI file knows."""
    tree.library("libxpu", "7.1")
    tree.node("/dev/xpuctl", CDI_MAJOR, 255)
    for number, (address, numa, cpus) in enumerate((("0000:3b:00.0", 0, "0-3"), ("0000:d8:00.0", 1, "4-7"))):
        place = tree.pci(address, 0x1AF4, 0x038000, "xpu", numa, cpus)
        tree.node(f"/dev/xpu{number}", CDI_MAJOR, number)
        tree.text(f"{place}/xpu/xpu{number}/dev", f"{CDI_MAJOR}:{number}\n")
        tree.link(f"/sys/dev/char/{CDI_MAJOR}:{number}", f"../..{place.removeprefix('/sys')}/xpu/xpu{number}")
    tree.cdi("example.json", cdi_content())


NODES: dict[str, Callable[[TreeBuilder], None]] = {
    "nvidia": nvidia_node,
    "amd": amd_node,
    "intel": intel_node,
    "rdma": rdma_node,
    "cdi": cdi_node,
}
"""By vendor, a node with two devices of it: the one with the lower PCI address is near NUMA node 0 and PUs 0-3."""
