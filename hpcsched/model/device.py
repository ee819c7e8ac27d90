"""Devices that a node hands out: GPUs and fabric."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from hpcsched.model.idset import IdSet


class DeviceKind(enum.StrEnum):
    """What a job asks for by number."""

    GPU = "GPU"
    NIC = "NIC"


@dataclass(frozen=True, slots=True)
class Device:
    """One device, or a part of one (a MIG instance), that a job is given as a whole.

    `id`: unique on the node and stable over reboots: the PCI address (`0000:65:00.0`), a MIG UUID, or the name in a CDI file.
    `vendor`: the plug-in that knows it. `numa`: OS index, -1 where the node does not say. `cpus`: the PUs near it, empty where
    the node does not say. `index`: the vendor's own number. `names`: of the operating system (`nvidia0`, `mlx5_0`).
    """

    id: str
    kind: DeviceKind
    vendor: str
    numa: int = -1
    cpus: IdSet = IdSet()
    index: int = 0
    model: str = ""
    uuid: str = ""
    pci: str = ""
    names: tuple[str, ...] = ()
