"""What a drawing shows beside the cores: memory without cores, and PCI devices, each near some PUs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hpcsched.cli.folding import TOGETHER, printable
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import NumaNode, PciDevice, Topology
from hpcsched.model.units import format_bytes

MOST_NAMED = 8
_BY_NAME = ("GPU", "NIC", "NVMe")
_BY_NUMBER = ("storage", "other")


@dataclass(frozen=True, slots=True)
class Beside:
    """What is near the same PUs; near none: where it is, is not known."""

    near: IdSet
    memory: tuple[NumaNode, ...] = ()
    devices: tuple[PciDevice, ...] = ()


def beside(topology: Topology) -> list[Beside]:
    """By the PUs that it is near."""
    memory = [node for node in topology.numa_nodes if not node.pus]
    places = {node.near for node in memory} | {device.cpus for device in topology.devices}
    return [_at(place, memory, topology.devices) for place in sorted(places, key=str)]


def inside(things: Sequence[Beside], pus: IdSet) -> list[Beside]:
    """Those that are near PUs of a box and near no others."""
    return [one for one in things if one.near and one.near <= pus]


def notes(things: Sequence[Beside]) -> tuple[str, ...]:
    """A line for memory without cores and one for each kind of device, to be folded."""
    memory = sorted((node for one in things for node in one.memory), key=lambda node: node.os_index)
    devices = sorted((device for one in things for device in one.devices), key=lambda device: device.address)
    return (*_memory_lines(memory), *_device_lines(devices))


def memory_size(node: NumaNode) -> str:
    """`64G`, `16G HBM`, `no memory`."""
    size = format_bytes(node.memory) if node.memory else "no memory"
    return size if node.tier == "DRAM" else f"{size} {node.tier}"


def _at(place: IdSet, memory: Sequence[NumaNode], devices: Sequence[PciDevice]) -> Beside:
    return Beside(
        place, tuple(node for node in memory if node.near == place), tuple(device for device in devices if device.cpus == place)
    )


def _memory_lines(nodes: Sequence[NumaNode]) -> Iterator[str]:
    if nodes:
        sizes = ", ".join(f"{node.os_index} ({memory_size(node)})".replace(" ", TOGETHER) for node in nodes)
        yield f"memory without cores: NUMA{TOGETHER}node{TOGETHER}{sizes}"


def _device_lines(devices: Sequence[PciDevice]) -> Iterator[str]:
    for kind in _BY_NAME:
        names = [_device(device) for device in devices if device.kind == kind]
        more = [f"and {len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
        if names:
            yield f"{kind} {', '.join([*names[:MOST_NAMED], *more])}"
    counts = ((sum(device.kind == kind for device in devices), kind) for kind in _BY_NUMBER)
    found = [f"{count} {kind}" for count, kind in counts if count]
    if found:
        yield f"devices: {', '.join(found)}"


def _device(device: PciDevice) -> str:
    return TOGETHER.join(printable(part) for part in (device.address, *device.names[:2]))
