"""Nodes that are equally fast, for jobs whose slowest node holds up the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hpcsched.model.node import Node
from hpcsched.sched import bits
from hpcsched.sched.certified import shown

WITHIN = 0.02
"""So far may the fastest lie above the slowest."""
Speeds = Sequence[tuple[float, int]]
"""A figure above 0 and the rank of its node, by rising figure."""


def speeds(nodes: Iterable[Node], metric: str, image: str) -> Speeds:
    """Of nodes, in the order of their ranks, whose valid certificate for that image shows the metric."""
    found = ((shown(node, image).get(metric), rank) for rank, node in enumerate(nodes) if node.certified)
    return sorted((figure.value, rank) for figure, rank in found if figure and figure.value > 0)


def alike(known: Speeds, mask: int, count: int) -> int:
    """The `count` nodes of the mask that are closest to each other; 0: there are no such within `WITHIN`."""
    there = [(value, rank) for value, rank in known if mask >> rank & 1]
    spans = [(there[at + count - 1][0] / there[at][0], at) for at in range(len(there) - count + 1)]
    span, at = min(spans, default=(0.0, 0))
    if not spans or span > 1 + WITHIN:
        return 0
    return bits.of(rank for _, rank in there[at : at + count])


def span(known: Speeds, mask: int) -> float | None:
    """By what share the fastest node of the mask lies above the slowest; None: not all are known."""
    values = [value for value, rank in known if mask >> rank & 1]
    return values[-1] / values[0] - 1 if values and len(values) == mask.bit_count() else None
