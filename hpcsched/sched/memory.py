"""How much memory a job gets, on which NUMA nodes, and how much on each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from hpcsched.errors import Infeasible
from hpcsched.model.allocation import HugePages
from hpcsched.model.idset import IdSet
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import NumaNode, Topology
from hpcsched.model.units import format_bytes
from hpcsched.sched.locality import by_distance, for_jobs, ordinary, serving
from hpcsched.sched.numa_choice import deal, words


@dataclass(frozen=True, slots=True)
class MemoryChoice:
    """As the fields of the same names in Binding: `memory` in bytes (0: no limit), `split` in bytes on each of `mems`."""

    mems: IdSet
    memory: int
    split: tuple[tuple[int, int], ...]


def choose_memory(offer: NodeOffer, cpus: IdSet, ask: int, named: IdSet) -> MemoryChoice:
    """The memory of the cores' own nodes and of those that the job named; more nodes only where `ask` bytes need them.

    Then the nearest come first, and memory without cpus last (see `by_distance`); where nodes were named, no others come.
    Without an ask it is all that these nodes hand out. The split follows the cpus on each node, as far as the node's memory goes.
    Raises Infeasible when the node does not hand out that much.
    """
    homes = [node for node in offer.topology.numa_nodes if not node.pus.isdisjoint(cpus) or node.os_index in named]
    servers = _servers(offer, homes)
    there = handouts(offer)
    mems = sorted(set(servers.values()))
    if ask and there:
        mems = _enough(offer, homes, mems, there, ask, bool(named))
    memory = ask or _all(offer, there, mems)
    return MemoryChoice(IdSet.of(mems), memory, _split(cpus, homes, servers, mems, there, memory))


def handouts(offer: NodeOffer) -> dict[int, int]:
    """Bytes that jobs may have of each NUMA node, by OS index; empty when no node says how much it has.

    Each gives the same fraction, as the whole node does, of its memory without its pools of huge pages: the kernel has taken
    these out of the node's free memory already, and does not count them on a job's memory limit. The offer's memory is without
    them, too.
    """
    own = without_pools(offer.topology, offer.hugepages)
    total, before = sum(own.values()), 0
    given = min(offer.memory or total, total)
    parts: dict[int, int] = {}
    for index, memory in own.items():
        after = before + memory
        parts[index] = after * given // total - before * given // total if total else 0
        before = after
    return parts


def without_pools(topology: Topology, pools: Iterable[HugePages]) -> dict[int, int]:
    """Bytes of memory for jobs of each NUMA node, by OS index, that are in no pool of huge pages."""
    left = {node.os_index: node.memory for node in topology.numa_nodes if for_jobs(node)}
    for pool in pools:
        if pool.numa in left:
            left[pool.numa] = max(0, left[pool.numa] - pool.size * pool.count)
    return left


def _servers(offer: NodeOffer, homes: list[NumaNode]) -> dict[int, int]:
    """By OS index of the home the node whose memory it uses."""
    if all(ordinary(node) for node in homes):
        return {node.os_index: node.os_index for node in homes}
    servers = serving(offer.topology)
    return {node.os_index: servers[node.os_index] for node in homes}


def _all(offer: NodeOffer, there: Mapping[int, int], mems: list[int]) -> int:
    if not offer.memory or not there:
        return offer.memory
    held = sum(there[index] for index in mems)
    if not held:
        raise Infeasible(f"node {offer.name} hands out no memory of {words(IdSet.of(mems))}: its huge pages take all of it")
    return held


def _enough(
    offer: NodeOffer, homes: list[NumaNode], mems: list[int], there: Mapping[int, int], ask: int, fixed: bool
) -> list[int]:
    chosen, held = list(mems), sum(there[index] for index in mems)
    for node in () if fixed else by_distance(offer.topology, homes):
        if held < ask and node.os_index not in chosen:
            chosen.append(node.os_index)
            held += there[node.os_index]
    if held < ask:
        raise Infeasible(_too_much(offer, ask, held, mems if fixed else ()))
    return chosen


def _too_much(offer: NodeOffer, ask: int, held: int, named: Collection[int]) -> str:
    where = f" of {words(IdSet.of(named))}" if named else ""
    return f"asks for {format_bytes(ask)} of memory per node, node {offer.name} hands out {format_bytes(held)} at most{where}"


def _split(
    cpus: IdSet, homes: list[NumaNode], servers: Mapping[int, int], mems: list[int], there: Mapping[int, int], memory: int
) -> tuple[tuple[int, int], ...]:
    """`mems` by distance behind the cores' own, which take their share first."""
    if not memory:
        return ()
    weights = dict.fromkeys(mems, 0)
    for node in homes:
        weights[servers[node.os_index]] += len(node.pus & cpus)
    room = [there.get(index, 0) if there else memory for index in mems]
    given = dict(zip(mems, deal(memory, [weights[index] for index in mems], room), strict=True))
    rest = memory - sum(given.values())
    for index, most in zip(mems, room, strict=True):
        taken = min(rest, most - given[index])
        given[index] += taken
        rest -= taken
    return tuple(sorted(given.items()))
