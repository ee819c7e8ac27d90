"""Sets of task positions as half-open ranges: sorted, apart from each other, none empty. A million in a row is one pair."""

from __future__ import annotations

from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]


def normal(pairs: Iterable[tuple[int, int]]) -> Ranges:
    """Any pairs, in that form; empty and reversed ones fall away."""
    found: list[tuple[int, int]] = []
    for first, end in sorted(pair for pair in pairs if pair[0] < pair[1]):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((first, end))
    return tuple(found)


def count(ranges: Ranges) -> int:
    return sum(end - first for first, end in ranges)


def union(some: Ranges, others: Ranges) -> Ranges:
    if not some or not others:
        return some or others
    return normal((*some, *others))


def common(some: Ranges, others: Ranges) -> Ranges:
    """What is in both."""
    found: list[tuple[int, int]] = []
    left, right = 0, 0
    while left < len(some) and right < len(others):
        first, end = max(some[left][0], others[right][0]), min(some[left][1], others[right][1])
        if first < end:
            found.append((first, end))
        if some[left][1] < others[right][1]:
            left += 1
        else:
            right += 1
    return tuple(found)


def without(some: Ranges, others: Ranges) -> Ranges:
    """What is in `some` alone."""
    if not some or not others:
        return some
    found: list[tuple[int, int]] = []
    at = 0
    for first, end in some:
        while at < len(others) and others[at][1] <= first:
            at += 1
        here = at
        while here < len(others) and others[here][0] < end:
            if first < others[here][0]:
                found.append((first, others[here][0]))
            first = max(first, others[here][1])
            here += 1
        if first < end:
            found.append((first, end))
    return tuple(found)


def first_of(ranges: Ranges, most: int) -> Ranges:
    """The lowest ones, at most so many."""
    found: list[tuple[int, int]] = []
    for first, end in ranges:
        if most <= 0:
            break
        found.append((first, min(end, first + most)))
        most -= end - first
    return tuple(found)


def mask_of(ranges: Ranges) -> int:
    """One bit for each."""
    mask = 0
    for first, end in ranges:
        mask |= ((1 << (end - first)) - 1) << first
    return mask


def of_bytes(bits: bytes) -> Ranges:
    """Of a mask as little-endian bytes."""
    return of_mask(int.from_bytes(bits, "little"))


def to_bytes(ranges: Ranges) -> bytes:
    mask = mask_of(ranges)
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


def of_mask(mask: int) -> Ranges:
    """Quadratic in the number of ranges for a mask full of holes: not for each turn."""
    text = bin(mask)[:1:-1]
    found: list[tuple[int, int]] = []
    first = text.find("1")
    while first >= 0:
        end = text.find("0", first)
        end = len(text) if end < 0 else end
        found.append((first, end))
        first = text.find("1", end)
    return tuple(found)
