"""On which NUMA nodes a job's cores lie, and how many on each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.idset import IdSet
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import Topology
from hpcsched.sched.compact import compact, lowest_of
from hpcsched.sched.layout import Group, weight

PACK, SPREAD = "pack", "spread"


def named_nodes(offer: NodeOffer, numa: str) -> IdSet:
    """The nodes of an id list, empty for `pack`, `spread` and nothing.

    Raises InvalidValue when it is none of these, Infeasible when a node hands out no cpus.
    """
    if numa in ("", PACK, SPREAD):
        return IdSet()
    try:
        named = IdSet.parse(numa)
    except InvalidValue as error:
        raise InvalidValue(f"numa {numa!r} is neither pack, spread nor a list of NUMA nodes like 0,2: {error}") from None
    with_cpus = nodes_with_cpus(offer)
    if missing := named - with_cpus:
        most = f": at most --numa {with_cpus}" if with_cpus else ""
        raise Infeasible(f"asks for NUMA node {missing.first()}, node {offer.name} hands out cpus of {words(with_cpus)}{most}")
    return named


def words(nodes: IdSet) -> str:
    """`NUMA node 0` or `NUMA nodes 0,2`."""
    return f"NUMA node{'s' * (len(nodes) > 1)} {nodes}"


def nodes_with_cpus(offer: NodeOffer) -> IdSet:
    """NUMA nodes of which jobs may have cpus."""
    return IdSet.of(node.os_index for node in offer.topology.numa_nodes if not node.pus.isdisjoint(offer.cpus))


def pick(topology: Topology, groups: Sequence[Group], ask: int, count_pus: bool, weights: Mapping[int, int]) -> list[int]:
    """As `compact`, but shared over NUMA nodes by their weights where there are any.

    What a node cannot hold goes to the others that have a weight, then to the nearest of those that have none. Inside each node
    the fewest groups are taken.
    """
    if not weights:
        return compact(topology, groups, ask, count_pus)
    room = _room(groups, count_pus)
    if not 0 < ask <= sum(room.values()):
        return []
    given = dict(zip(weights, deal(ask, list(weights.values()), [room.get(numa, 0) for numa in weights]), strict=True))
    _to_the_nearest(topology, given, room, ask - sum(given.values()))
    chosen = list[int]()
    for numa in room:
        chosen += lowest_of([group for group in groups if group.numa == numa], given.get(numa, 0), count_pus)
    return chosen


def deal(count: int, weights: Sequence[int], room: Sequence[int]) -> list[int]:
    """So many things shared out by weight, none above its room; less than `count` in all where there is no more room."""
    given, still = [0] * len(weights), list(weights)
    while any(still):
        parts = proportional(count, still)
        full = [position for position, part in enumerate(parts) if part > room[position]]
        if not full:
            return [part if weight else one for part, weight, one in zip(parts, still, given, strict=True)]
        for position in full:
            given[position], still[position] = room[position], 0
            count -= room[position]
    return given


def proportional(count: int, weights: Sequence[int]) -> list[int]:
    """`count` cut into whole parts by weight, as hwloc_distrib (hwloc/helper.h) does: what is left over goes to early ones."""
    total, before = sum(weights), 0
    cuts = [0]
    for one in weights:
        before += one
        cuts.append(-(-before * count // total))
    return [after - start for start, after in pairwise(cuts)]


def _room(groups: Iterable[Group], count_pus: bool) -> dict[int, int]:
    room: dict[int, int] = {}
    for group in groups:
        room[group.numa] = room.get(group.numa, 0) + weight(group, count_pus)
    return room


def _to_the_nearest(topology: Topology, given: dict[int, int], room: Mapping[int, int], rest: int) -> None:
    """Adds the rest to nodes without a weight, nearest first."""
    rows = {node.os_index: dict(node.distances) for node in topology.numa_nodes}
    near = [numa for numa in given if numa in rows]
    for numa in sorted(room, key=lambda one: (min((rows[home].get(one, 20) for home in near), default=20), one)):
        if rest and numa not in given:
            given[numa] = min(rest, room[numa])
            rest -= given[numa]
