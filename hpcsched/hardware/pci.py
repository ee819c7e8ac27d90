"""PCI devices out of hwloc's XML: which there are, of what kind, and near which PUs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from xml.etree.ElementTree import Element

from hpcsched.errors import TopologyError
from hpcsched.hardware.attributes import info
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Core, PciDevice

MOST_DEVICES = 256
MOST_NAMES = 8
_KINDS = ("GPU", "NIC", "NVMe", "storage", "other")
_BUSID = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", re.ASCII)
_TYPE = re.compile(r"([0-9a-f]{4}) \[([0-9a-f]{4}):([0-9a-f]{4})\].*", re.ASCII)
_AMD, _NVIDIA, _INTEL = 0x1002, 0x10DE, 0x8086
_VGA, _ACCELERATOR, _NVME, _OLD_INFINIBAND = 0x0300, 0x1200, 0x0108, 0x0C06
_CONSOLES = frozenset({(_AMD, 0x515E), (_AMD, 0x4752)})
"""ES1000 and Rage XL: what servers show their console on."""


def read_device(item: Element, near: int) -> PciDevice:
    """One PCIDev element; `near`: mask of the PUs of the object that it hangs on. Raises TopologyError."""
    address, text = item.get("pci_busid", ""), item.get("pci_type", "")
    match = _TYPE.fullmatch(text)
    if not _BUSID.fullmatch(address):
        raise TopologyError(f"bad pci_busid {address[:40]!r} in the topology's XML")
    if match is None:
        raise TopologyError(f"bad pci_type {text[:40]!r} of {address} in the topology's XML")
    pci_class, vendor, device = (int(part, 16) for part in match.groups())
    names, model = _of_the_system(item)
    return PciDevice(address, kind_of(pci_class, vendor, device), -1, IdSet(near), vendor, device, names, model)


def kind_of(pci_class: int, vendor: int, device: int) -> str:
    """By base class and subclass (PCI Code and ID Assignment Specification).

    Of VGA controllers only those of makers of GPUs count, as most servers have one for their console. AMD calls some GPUs
    processing accelerators.
    """
    base = pci_class >> 8
    if base == 0x03 or (pci_class == _ACCELERATOR and vendor == _AMD):
        plain = pci_class == _VGA and (vendor not in (_NVIDIA, _AMD, _INTEL) or (vendor, device) in _CONSOLES)
        return "other" if plain else "GPU"
    if base == 0x02 or pci_class == _OLD_INFINIBAND:
        return "NIC"
    if base == 0x01:
        return "NVMe" if pci_class == _NVME else "storage"
    return "other"


def chosen(devices: Iterable[PciDevice]) -> list[PciDevice]:
    """By address; of more than 256 the kinds that jobs use, and those with a driver, before others."""
    first = sorted(devices, key=lambda one: (_KINDS.index(one.kind), not one.names, one.address))
    return sorted(first[:MOST_DEVICES], key=lambda one: one.address)


def located(devices: Iterable[PciDevice], cores: tuple[Core, ...]) -> tuple[PciDevice, ...]:
    """With the NUMA node whose PUs are near; without any where the firmware names the whole machine and that has several."""
    everything = frozenset(core.numa for core in cores)
    homes: dict[IdSet, frozenset[int]] = {}
    for device in devices:
        if device.cpus not in homes:
            homes[device.cpus] = frozenset(core.numa for core in cores if not core.pus.isdisjoint(device.cpus))
    return tuple(_placed(device, homes[device.cpus], everything) for device in devices)


def nvidia_gpus(devices: Iterable[PciDevice]) -> int:
    return sum(device.kind == "GPU" and device.vendor_id == _NVIDIA for device in devices)


def _placed(device: PciDevice, homes: frozenset[int], everything: frozenset[int]) -> PciDevice:
    if len(homes) == 1:
        return replace(device, numa=next(iter(homes)))
    return replace(device, cpus=IdSet()) if homes == everything else device


def _of_the_system(item: Element) -> tuple[tuple[str, ...], str]:
    """Names of its OSDev children, and what the device calls itself."""
    children = [child for child in item.iterfind("object") if child.get("type") == "OSDev"]
    names = dict.fromkeys(name[:32] for child in children if (name := child.get("name", "")) and name.isprintable())
    models = (info(child, "GPUModel") for child in children)
    return tuple(names)[:MOST_NAMES], next(filter(None, models), info(item, "PCIDevice"))
