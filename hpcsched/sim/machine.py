"""The nodes of a simulated machine: all alike, and as small as a node can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hpcsched.model.idset import IdSet
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import Core, NumaNode, Topology
from hpcsched.model.units import GIB


def node_count(processors: int, per_node: int) -> int:
    return -(-processors // per_node)


def offers(processors: int, per_node: int) -> Iterator[NodeOffer]:
    """One for each node; names are in the order of their numbers. The last node is whole."""
    whole = NodeOffer("", _topology(per_node), IdSet((1 << per_node) - 1), GIB, "", "boot-0")
    count = node_count(processors, per_node)
    width = len(str(count))
    return (replace(whole, name=f"n{number:0{width}}") for number in range(1, count + 1))


def booted_again(offer: NodeOffer) -> NodeOffer:
    return replace(offer, boot_id=f"boot-{int(offer.boot_id.rpartition('-')[2]) + 1}")


def _topology(cores: int) -> Topology:
    all_of_them = IdSet((1 << cores) - 1)
    return Topology(
        tuple(Core(number, 0, 0, IdSet.of((number,))) for number in range(cores)),
        (NumaNode(0, GIB, all_of_them),),
        (),
        "simulated",
    )
