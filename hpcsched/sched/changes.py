"""What differs between two descriptions of a node's hardware, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Core, PciDevice, Topology
from hpcsched.model.units import format_bytes

MOST_SENTENCES = 5
_NAMED_KINDS = frozenset({"GPU", "NIC", "NVMe"})
_TOLERANCE = 100
"""The kernel keeps a little more or less memory for itself from boot to boot: one part in so many is no change."""


def changes(old: Topology, new: Topology) -> tuple[str, ...]:
    """At most five sentences, then how many more; none when nothing that a job may depend on has changed.

    Descriptions of different versions do not say the same things, and are not compared. Of PCI devices GPUs, NICs and NVMe
    drives count, by address; names of the operating system do not, as they depend on the order of drivers.
    """
    if old.version != new.version:
        return ()
    found = [*_models(old, new), *_pus(old, new), *_memory(old, new), *_devices(old, new)]
    if len(found) <= MOST_SENTENCES:
        return tuple(found)
    return (*found[:MOST_SENTENCES], f"and {len(found) - MOST_SENTENCES} more")


def _models(old: Topology, new: Topology) -> Iterator[str]:
    if old.cpu_model != new.cpu_model:
        yield f"the CPU is {new.cpu_model or 'unnamed'}, was {old.cpu_model or 'unnamed'}"


def _pus(old: Topology, new: Topology) -> Iterator[str]:
    """Also those that are elsewhere in the machine: firmware numbers them anew, or makes another number of NUMA nodes."""
    both = old.pus & new.pus
    yield from _came_and_went("PU", old.pus, new.pus)
    yield from _moved(old, new, lambda core: f"package {core.package}")
    yield from _moved(old, new, lambda core: f"NUMA node {core.numa}")
    yield from _moved(old, new, lambda core: f"the core of PUs {core.pus & both}")


def _moved(old: Topology, new: Topology, place: Callable[[Core], str]) -> Iterator[str]:
    before, after = _places(old, place), _places(new, place)
    pus = IdSet.of(pu for pu in before.keys() & after.keys() if before[pu] != after[pu])
    if pus:
        several = f"PUs {pus} moved: " if len(pus) > 1 else ""
        first = pus.first()
        yield f"{several}PU {first} is on {after[first]}, was on {before[first]}"


def _places(topology: Topology, place: Callable[[Core], str]) -> dict[int, str]:
    return {pu: where for core in topology.cores for where in [place(core)] for pu in core.pus}


def _memory(old: Topology, new: Topology) -> Iterator[str]:
    before = {node.os_index: node for node in old.numa_nodes}
    after = {node.os_index: node for node in new.numa_nodes}
    yield from _came_and_went("NUMA node", IdSet.of(before), IdSet.of(after))
    for index in sorted(before.keys() & after.keys()):
        had, has = before[index].memory, after[index].memory
        if abs(had - has) * _TOLERANCE > max(had, has):
            yield f"NUMA node {index} has {format_bytes(has)} of memory, had {format_bytes(had)}"


def _devices(old: Topology, new: Topology) -> Iterator[str]:
    before, after = _by_address(old), _by_address(new)
    for address in sorted(before.keys() | after.keys()):
        had, has = before.get(address), after.get(address)
        if had and not has:
            yield f"{had.kind} {address} is gone"
        elif has and not had:
            yield f"{has.kind} {address} is new"
        elif has and had and _identity(has) != _identity(had):
            yield f"{has.kind} {address} is {_named(has)}, was {_named(had)}"


def _by_address(topology: Topology) -> dict[str, PciDevice]:
    return {device.address: device for device in topology.devices if device.kind in _NAMED_KINDS}


def _identity(device: PciDevice) -> tuple[str, int, int]:
    return device.kind, device.vendor_id, device.device_id


def _named(device: PciDevice) -> str:
    ids = f"{device.vendor_id:04x}:{device.device_id:04x}"
    return f"{device.model} ({ids})" if device.model else f"a device {ids}"


def _came_and_went(noun: str, old: IdSet, new: IdSet) -> Iterator[str]:
    for ids, verb in ((old - new, "gone"), (new - old, "new")):
        if ids:
            yield f"{noun} {ids} is {verb}" if len(ids) == 1 else f"{noun}s {ids} are {verb}"
