"""The cores of one node that jobs may use, grouped by what they share. Sets of PUs are plain bit masks here, for speed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hpcsched.model.topology import Topology


@dataclass(slots=True)
class Group:
    """Cores that share their outermost cache and their NUMA node; `cores` are masks of PUs in hwloc's logical order."""

    package: int
    numa: int
    cores: list[int]


def groups_of(topology: Topology, usable: int, threads: int = 0) -> list[Group]:
    """Of the PUs in the mask `usable`, at most the lowest `threads` of each core (0: all), in logical order."""
    caches = outermost_caches(topology)
    found: dict[tuple[int, int], Group] = {}
    mine, now = -1, Group(-1, -1, [])
    for core in topology.cores:
        mask = core.pus.mask & usable
        if not mask:
            continue
        if threads:
            mask = lowest(mask, threads)
        if now.numa != core.numa or mine < 0 or not caches[mine] & mask:
            mine = _cache_of(caches, mask, mine)
            now = found.setdefault((core.numa, mine), Group(core.package, core.numa, []))
        now.cores.append(mask)
    return list(found.values())


def weight(group: Group, count_pus: bool) -> int:
    return sum(map(int.bit_count, group.cores)) if count_pus else len(group.cores)


def union(masks: Iterable[int]) -> int:
    together = 0
    for mask in masks:
        together |= mask
    return together


def lowest(mask: int, count: int) -> int:
    """At most so many of its ids, the lowest."""
    if mask.bit_count() <= count:
        return mask
    kept = 0
    for _ in range(count):
        low = mask & -mask
        kept |= low
        mask ^= low
    return kept


def pus_of(mask: int) -> Iterator[int]:
    """The mask of each of its PUs."""
    while mask:
        low = mask & -mask
        yield low
        mask ^= low


def outermost_caches(topology: Topology) -> list[int]:
    """Masks of the caches of the highest level, usually L3."""
    level = max((cache.level for cache in topology.caches), default=0)
    return [cache.pus.mask for cache in topology.caches if cache.level == level]


def shared_caches(topology: Topology) -> list[list[int]]:
    """Masks of the caches by level, the outermost first, of the levels at which cores share some."""
    levels: dict[int, list[int]] = {}
    for cache in topology.caches:
        levels.setdefault(cache.level, []).append(cache.pus.mask)
    return [levels[level] for level in sorted(levels, reverse=True) if len(levels[level]) < len(topology.cores)]


def positions(caches: Sequence[int], cores: Iterable[int]) -> list[int]:
    """For each core the position of its cache, -1 for none."""
    found, mine = list[int](), -1
    for mask in cores:
        if mine < 0 or not caches[mine] & mask:
            mine = _cache_of(caches, mask, mine)
        found.append(mine)
    return found


def _cache_of(caches: Sequence[int], mask: int, before: int) -> int:
    """Position of the cache of these PUs, -1 for none; the neighbour of the one before is the likely answer."""
    order = (*range(before + 1, len(caches)), *range(before + 1))
    return next((position for position in order if caches[position] & mask), -1)
