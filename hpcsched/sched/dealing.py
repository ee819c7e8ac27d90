"""One machine as several nodes: who gets which devices."""

from __future__ import annotations

from collections.abc import Sequence

from hpcsched.model.device import Device
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Topology


def deal(devices: Sequence[Device], parts: Sequence[IdSet], topology: Topology) -> tuple[tuple[str, ...], ...]:
    """Ids of devices for each part, which are PUs of the machine.

    Each device goes to one of the parts nearest to it, and of these to the one with the fewest of its kind so far.
    """
    hands: list[list[Device]] = [[] for _ in parts]
    for device in devices:
        costs = [(_distance(device, part, topology), _count(device, hand)) for part, hand in zip(parts, hands, strict=True)]
        hands[costs.index(min(costs))].append(device)
    return tuple(tuple(device.id for device in hand) for hand in hands)


def _count(device: Device, hand: Sequence[Device]) -> int:
    return sum(other.kind is device.kind for other in hand)


def _distance(device: Device, part: IdSet, topology: Topology) -> int:
    """0 to PUs that the device is near to, else the least SLIT distance; the same to all where the node does not say."""
    if device.numa < 0 or not device.cpus.isdisjoint(part):
        return 0
    homes = (node for node in topology.numa_nodes if not node.pus.isdisjoint(part))
    return min((node.distance(device.numa) for node in homes), default=0)
