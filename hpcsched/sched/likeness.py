"""Which nodes should be equally fast."""

from __future__ import annotations

import hashlib

from hpcsched.model.node import NodeOffer
from hpcsched.model.units import GIB
from hpcsched.sched.certified import facts_for

_OWN = "machine"
"""A fact that tells machines apart by single bytes of memory."""


def likeness(offer: NodeOffer, image: str) -> str:
    """Equal for nodes of the same hardware, kernel, drivers, image and confinement: 12 hexadecimal digits.

    Memory counts in whole GiB, for firmware takes a little of it here and there.
    """
    topology = offer.topology
    hardware = (
        topology.cpu_model,
        topology.cores,
        topology.core_kinds,
        topology.caches,
        tuple((node.os_index, round(node.memory / GIB), node.pus, node.distances, node.tier) for node in topology.numa_nodes),
        tuple(sorted((device.kind, device.vendor_id, device.device_id) for device in topology.devices)),
        offer.cpus,
    )
    facts = tuple(item for item in facts_for(offer.facts, image) if item[0] != _OWN)
    return hashlib.sha256(repr((hardware, facts)).encode()).hexdigest()[:12]
