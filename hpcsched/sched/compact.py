"""Which cores of one node, so that they lie close together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb

from hpcsched.model.topology import Topology
from hpcsched.sched.layout import Group, lowest, weight

EXHAUSTIVE = 2_000
"""So many sets of NUMA nodes are compared one by one; of more, the best that grows around one node is taken."""
UNKNOWN = -1
"""Stands for the NUMA node of a device that does not say where it is."""
_FAR = 255
"""SLIT: cannot be reached (ACPI 6.5, 5.2.17)."""


def compact(topology: Topology, groups: Sequence[Group], ask: int, count_pus: bool) -> list[int]:
    """Masks out of the groups, in their order: `ask` of them, or as many as have `ask` PUs, of the last the lowest PUs only.

    They lie on the fewest NUMA nodes that hold the ask, of these on the nearest to each other, then in the fewest groups, then
    on the lowest ids. Empty when all groups together do not hold it.
    """
    weighed = _Weighed(groups, [weight(group, count_pus) for group in groups])
    if not 0 < ask <= sum(weighed.weights):
        return []
    near = _nearest(topology, weighed, ask)
    inside = [position for position, group in enumerate(groups) if group.numa in near]
    return lowest_of([groups[position] for position in inside], ask, count_pus)


def lowest_of(groups: Sequence[Group], ask: int, count_pus: bool) -> list[int]:
    """Masks out of the fewest groups that hold the ask, of these of the first."""
    chosen = lowest_that_hold([weight(group, count_pus) for group in groups], ask)
    return list(_until((groups[position] for position in chosen), ask, count_pus))


def fewest_that_hold(weights: Iterable[int], ask: int) -> int:
    """How many of the largest weights add up to `ask`; all of them when they do not."""
    count = 0
    for one in sorted(weights, reverse=True):
        if ask <= 0:
            break
        ask, count = ask - one, count + 1
    return count


def lowest_that_hold(weights: Sequence[int], ask: int) -> list[int]:
    """Positions of the fewest weights that add up to `ask`; of all such choices the first in lexical order."""
    left = fewest_that_hold(weights, ask)
    behind = sorted(weights, reverse=True)
    chosen: list[int] = []
    for position, one in enumerate(weights):
        behind.remove(one)
        if left and ask - one <= sum(behind[: left - 1]):
            chosen.append(position)
            ask, left = ask - one, left - 1
    return chosen


def nearest_nodes(topology: Topology, nodes: Mapping[int, int], ask: int) -> list[tuple[int, ...]]:
    """The fewest NUMA nodes (OS index: what it holds) that hold the ask: all choices that lie nearest to each other.

    They come in the order of `nodes`. One node may be UNKNOWN, which is far from all.
    """
    count = fewest_that_hold(nodes.values(), ask)
    if count == len(nodes):
        return [tuple(nodes)]
    distances = _distances(topology, nodes)
    if comb(len(nodes), count) <= EXHAUSTIVE:
        choices = [one for one in combinations(nodes, count) if sum(nodes[index] for index in one) >= ask]
    else:
        choices = sorted({_grow(seed, nodes, distances, count, ask) for seed in nodes} - {()})
    return _all_least(choices, [_spread(one, distances) for one in choices])


@dataclass(slots=True)
class _Weighed:
    groups: Sequence[Group]
    weights: list[int]
    nodes: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        held: dict[int, int] = {}
        for group, one in zip(self.groups, self.weights, strict=True):
            held[group.numa] = held.get(group.numa, 0) + one
        self.nodes = dict(sorted(held.items()))

    def of(self, nodes: tuple[int, ...]) -> list[int]:
        return [one for group, one in zip(self.groups, self.weights, strict=True) if group.numa in nodes]


def _nearest(topology: Topology, weighed: _Weighed, ask: int) -> tuple[int, ...]:
    nearest = nearest_nodes(topology, weighed.nodes, ask)
    if len(nearest) == 1 or len(set(weighed.weights)) == 1:
        return nearest[0]
    return _all_least(nearest, [fewest_that_hold(weighed.of(one), ask) for one in nearest])[0]


def _all_least(choices: list[tuple[int, ...]], costs: list[int]) -> list[tuple[int, ...]]:
    least = min(costs)
    return [choice for choice, cost in zip(choices, costs, strict=True) if cost == least]


def _distances(topology: Topology, nodes: Iterable[int]) -> dict[tuple[int, int], int]:
    """Both ways together, for each pair of different nodes."""
    rows = {node.os_index: dict(node.distances) for node in topology.numa_nodes}
    pairs = [(a, b) for a in nodes for b in nodes if a != b]
    return {(a, b): 2 * _FAR if UNKNOWN in (a, b) else rows[a].get(b, 20) + rows[b].get(a, 20) for a, b in pairs}


def _spread(nodes: tuple[int, ...], distances: dict[tuple[int, int], int]) -> int:
    return sum(distances[pair] for pair in combinations(nodes, 2))


def _grow(seed: int, nodes: Mapping[int, int], distances: dict[tuple[int, int], int], count: int, ask: int) -> tuple[int, ...]:
    """`count` nodes that hold the ask, each the nearest to those before that still lets the rest do so."""
    chosen, rest = [seed], [index for index in nodes if index != seed]
    spread = {index: distances[seed, index] for index in rest}
    while len(chosen) < count:
        able = [index for index in rest if _holds((*chosen, index), rest, nodes, count, ask)]
        if not able:
            return ()
        best = min(able, key=lambda index: (spread[index], index))
        chosen.append(best)
        rest.remove(best)
        spread = {index: spread[index] + distances[best, index] for index in rest}
    return tuple(sorted(chosen)) if sum(nodes[index] for index in chosen) >= ask else ()


def _holds(chosen: tuple[int, ...], rest: list[int], nodes: Mapping[int, int], count: int, ask: int) -> bool:
    others = sorted((nodes[index] for index in rest if index != chosen[-1]), reverse=True)
    return sum(nodes[index] for index in chosen) + sum(others[: count - len(chosen)]) >= ask


def _until(groups: Iterable[Group], ask: int, count_pus: bool) -> Iterator[int]:
    for group in groups:
        for core in group.cores:
            if ask <= 0:
                return
            yield lowest(core, ask) if count_pus else core
            ask -= core.bit_count() if count_pus else 1
