"""The test bed's stand-ins for GPUs: display devices by their PCI class, each with a character device, on a known NUMA node."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

PORTS = Path("/sys/class/virtio-ports")
KIND = "example.com/gpu"


@dataclass(frozen=True)
class Gpu:
    """`name` as in the CDI file, `path` its device node, `node` the NUMA node of the PCI device."""

    name: str
    path: str
    node: int

    @property
    def id(self) -> str:
        return f"{KIND}={self.name}"


def gpus() -> list[Gpu]:
    """By name."""
    found = [_gpu(port) for port in PORTS.glob("vport*") if (port / "name").read_text().startswith("fakegpu")]
    return sorted(found, key=lambda gpu: gpu.name)


def _gpu(port: Path) -> Gpu:
    device = next(folder for folder in port.resolve().parents if (folder / "numa_node").exists())
    return Gpu((port / "name").read_text().strip(), f"/dev/{port.name}", int((device / "numa_node").read_text()))


def describe(folder: Path = Path("/etc/cdi")) -> None:
    """A CDI file of all of them; https://github.com/cncf-tags/container-device-interface, SPEC.md."""
    devices = [{"name": gpu.name, "containerEdits": {"deviceNodes": [{"path": gpu.path}]}} for gpu in gpus()]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "example.json").write_text(json.dumps({"cdiVersion": "0.6.0", "kind": KIND, "devices": devices}))
