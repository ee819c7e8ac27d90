"""Which cores of one node, so that they lie close together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb

from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Topology

EXHAUSTIVE = 2_000
"""So many sets of NUMA nodes are compared one by one; of more, the best that grows around one node is taken."""


@dataclass(slots=True)
class Group:
    """Cores that share their outermost cache and their NUMA node; `cores` are masks of PUs in hwloc's logical order."""

    numa: int
    cores: list[int] = field(default_factory=list)
    weight: int = 0


def compact_cores(topology: Topology, allowed: IdSet, ask: int, count_pus: bool) -> list[int]:
    """Masks of the allowed PUs of whole cores, in logical order: `ask` cores, or as many as have `ask` PUs.

    They lie on the fewest NUMA nodes that hold the ask, of these on the nearest to each other, then on the fewest
    outermost caches, then on the lowest ids. Empty when all cores together do not hold it.
    """
    groups = _groups(topology, allowed, count_pus)
    nodes = _capacities(groups)
    if not 0 < ask <= sum(nodes.values()):
        return []
    near = _nearest_nodes(topology, groups, nodes, ask)
    inside = [group for group in groups if group.numa in near]
    chosen = [inside[position] for position in lowest_that_hold([group.weight for group in inside], ask)]
    return list(_until(chosen, ask, count_pus))


def fewest_that_hold(weights: Iterable[int], ask: int) -> int:
    """How many of the largest weights add up to `ask`; all of them when they do not."""
    count = 0
    for weight in sorted(weights, reverse=True):
        if ask <= 0:
            break
        ask, count = ask - weight, count + 1
    return count


def lowest_that_hold(weights: Sequence[int], ask: int) -> list[int]:
    """Positions of the fewest weights that add up to `ask`; of all such choices the first in lexical order."""
    left = fewest_that_hold(weights, ask)
    behind = sorted(weights, reverse=True)
    chosen: list[int] = []
    for position, weight in enumerate(weights):
        behind.remove(weight)
        if left and ask - weight <= sum(behind[: left - 1]):
            chosen.append(position)
            ask, left = ask - weight, left - 1
    return chosen


def _groups(topology: Topology, allowed: IdSet, count_pus: bool) -> list[Group]:
    caches, usable = _outermost_caches(topology), allowed.mask
    groups: dict[tuple[int, int], Group] = {}
    mine = -1
    for core in topology.cores:
        mask = core.pus.mask & usable
        if not mask:
            continue
        if mine < 0 or not caches[mine] & mask:
            mine = _cache_of(caches, mask, mine)
        group = groups.get((core.numa, mine)) or groups.setdefault((core.numa, mine), Group(core.numa))
        group.cores.append(mask)
        group.weight += mask.bit_count() if count_pus else 1
    return list(groups.values())


def _outermost_caches(topology: Topology) -> list[int]:
    level = max((cache.level for cache in topology.caches), default=0)
    return [cache.pus.mask for cache in topology.caches if cache.level == level]


def _cache_of(caches: list[int], mask: int, before: int) -> int:
    """Position of the cache of these PUs, -1 for none; the neighbour of the one before is the likely answer."""
    order = (*range(before + 1, len(caches)), *range(before + 1))
    return next((position for position in order if caches[position] & mask), -1)


def _capacities(groups: list[Group]) -> dict[int, int]:
    capacities: dict[int, int] = {}
    for group in groups:
        capacities[group.numa] = capacities.get(group.numa, 0) + group.weight
    return dict(sorted(capacities.items()))


def _nearest_nodes(topology: Topology, groups: list[Group], nodes: dict[int, int], ask: int) -> tuple[int, ...]:
    count = fewest_that_hold(nodes.values(), ask)
    if count == len(nodes):
        return tuple(nodes)
    distances = _distances(topology, nodes)
    if comb(len(nodes), count) <= EXHAUSTIVE:
        choices = [one for one in combinations(nodes, count) if sum(nodes[index] for index in one) >= ask]
    else:
        choices = sorted({_grow(seed, nodes, distances, count, ask) for seed in nodes} - {()})
    nearest = _all_least(choices, [_spread(one, distances) for one in choices])
    if len({group.weight for group in groups}) == 1:
        return nearest[0]
    weights = {index: [group.weight for group in groups if group.numa == index] for index in nodes}
    return _all_least(nearest, [fewest_that_hold((w for i in one for w in weights[i]), ask) for one in nearest])[0]


def _all_least(choices: list[tuple[int, ...]], costs: list[int]) -> list[tuple[int, ...]]:
    least = min(costs)
    return [choice for choice, cost in zip(choices, costs, strict=True) if cost == least]


def _distances(topology: Topology, nodes: dict[int, int]) -> dict[tuple[int, int], int]:
    """Both ways together, for each pair of different nodes."""
    rows = {node.os_index: dict(node.distances) for node in topology.numa_nodes}
    return {(a, b): rows[a].get(b, 20) + rows[b].get(a, 20) for a in nodes for b in nodes if a != b}


def _spread(nodes: tuple[int, ...], distances: dict[tuple[int, int], int]) -> int:
    return sum(distances[pair] for pair in combinations(nodes, 2))


def _grow(seed: int, nodes: dict[int, int], distances: dict[tuple[int, int], int], count: int, ask: int) -> tuple[int, ...]:
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


def _holds(chosen: tuple[int, ...], rest: list[int], nodes: dict[int, int], count: int, ask: int) -> bool:
    others = sorted((nodes[index] for index in rest if index != chosen[-1]), reverse=True)
    return sum(nodes[index] for index in chosen) + sum(others[: count - len(chosen)]) >= ask


def _until(groups: list[Group], ask: int, count_pus: bool) -> Iterator[int]:
    for group in groups:
        for core in group.cores:
            if ask <= 0:
                return
            yield core
            ask -= core.bit_count() if count_pus else 1
