"""Huge pages out of the pools that a node has set aside."""

from __future__ import annotations

from hpcsched.errors import Infeasible
from hpcsched.model.allocation import HugePages
from hpcsched.model.idset import IdSet
from hpcsched.model.node import NodeOffer
from hpcsched.model.units import format_bytes
from hpcsched.sched.numa_choice import deal, words

Ask = tuple[tuple[int, int], ...]


def split_pages(offer: NodeOffer, asked: Ask, mems: IdSet) -> tuple[HugePages, ...]:
    """Of each size so many pages, evenly over the memory nodes as far as their pools go; by NUMA node, then size.

    They come on top of the job's memory. Raises Infeasible when the pools there do not hold that many.
    """
    given = [part for size, count in summed(asked).items() for part in _of_size(offer, size, count, mems)]
    return tuple(sorted(given, key=lambda part: (part.numa, part.size)))


def summed(asked: Ask) -> dict[int, int]:
    """Pages by size."""
    pages: dict[int, int] = {}
    for size, count in asked:
        pages[size] = pages.get(size, 0) + count
    return {size: count for size, count in pages.items() if count}


def pool(offer: NodeOffer, size: int, mems: IdSet | None = None) -> dict[int, int]:
    """Pages of that size by OS index of the NUMA node; only of these nodes, or of all."""
    pages: dict[int, int] = {}
    for part in offer.hugepages:
        if part.size == size and (mems is None or part.numa in mems):
            pages[part.numa] = pages.get(part.numa, 0) + part.count
    return dict(sorted(pages.items()))


def _of_size(offer: NodeOffer, size: int, count: int, mems: IdSet) -> list[HugePages]:
    room = pool(offer, size, mems)
    given = deal(count, [1] * len(room), list(room.values()))
    if sum(given) < count:
        raise Infeasible(_too_many(offer, size, count, mems))
    return [HugePages(numa, size, part) for numa, part in zip(room, given, strict=True) if part]


def _too_many(offer: NodeOffer, size: int, count: int, mems: IdSet) -> str:
    asked = f"asks for {count} huge pages of {format_bytes(size)} per node, node {offer.name} has"
    everywhere, here = sum(pool(offer, size).values()), sum(pool(offer, size, mems).values())
    if here < everywhere:
        return f"{asked} {here} on the job's {words(mems)}, {everywhere} in all"
    if everywhere:
        return f"{asked} {everywhere}"
    sizes = sorted({part.size for part in offer.hugepages if part.count})
    there = ", ".join(f"{sum(pool(offer, one).values())} of {format_bytes(one)}" for one in sizes)
    return f"{asked} {there or 'none set aside'}"
