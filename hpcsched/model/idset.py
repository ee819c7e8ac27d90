"""Sets of kernel ids (PUs, NUMA nodes), keyed by OS index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hpcsched.errors import InvalidValue

MAX_ID = 1 << 16
"""Largest id accepted: above any CPU or node number that Linux hands out (NR_CPUS is 8192 at most)."""


class IdSet:
    """An immutable set of ids in 0..MAX_ID, kept as a bit mask; text form as in cpuset(7), "List format".

    No dataclass, so that the journal's encoder takes the text form and not a number of thousands of digits.
    """

    __slots__ = ("mask",)
    mask: int

    def __init__(self, mask: int = 0) -> None:
        object.__setattr__(self, "mask", mask)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"an IdSet is immutable: cannot set {name!r}")

    def __reduce__(self) -> tuple[type[IdSet], tuple[int]]:
        return IdSet, (self.mask,)

    def __eq__(self, other: object) -> bool:
        return self.mask == other.mask if isinstance(other, IdSet) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.mask)

    def __repr__(self) -> str:
        return f"IdSet.parse({str(self)!r})"

    @classmethod
    def of(cls, ids: Iterable[int]) -> IdSet:
        mask = 0
        for number in ids:
            mask |= 1 << _checked(number)
        return cls(mask)

    @classmethod
    def parse(cls, text: str) -> IdSet:
        """Read `0-3,8` (empty text is the empty set). Raises InvalidValue on anything else."""
        mask = 0
        for part in text.strip().split(",") if text.strip() else ():
            mask |= _range_mask(part.strip(), text)
        return cls(mask)

    def __iter__(self) -> Iterator[int]:
        mask = self.mask
        while mask:
            low = mask & -mask
            yield low.bit_length() - 1
            mask ^= low

    def __len__(self) -> int:
        return self.mask.bit_count()

    def __contains__(self, number: int) -> bool:
        return number >= 0 and bool(self.mask >> number & 1)

    def __bool__(self) -> bool:
        return self.mask != 0

    def __or__(self, other: IdSet) -> IdSet:
        return IdSet(self.mask | other.mask)

    def __and__(self, other: IdSet) -> IdSet:
        return IdSet(self.mask & other.mask)

    def __sub__(self, other: IdSet) -> IdSet:
        return IdSet(self.mask & ~other.mask)

    def __le__(self, other: IdSet) -> bool:
        return self.mask & ~other.mask == 0

    def isdisjoint(self, other: IdSet) -> bool:
        return self.mask & other.mask == 0

    def first(self) -> int:
        """The lowest id. Raises InvalidValue when the set is empty."""
        if not self.mask:
            raise InvalidValue("an empty id set has no first id")
        return (self.mask & -self.mask).bit_length() - 1

    def __str__(self) -> str:
        parts: list[str] = []
        mask, base = self.mask, 0
        while mask:
            skip = (mask & -mask).bit_length() - 1
            mask, base = mask >> skip, base + skip
            run = (~mask & (mask + 1)).bit_length() - 1
            parts.append(str(base) if run == 1 else f"{base}-{base + run - 1}")
            mask, base = mask >> run, base + run
        return ",".join(parts)


def _range_mask(part: str, text: str) -> int:
    low, dash, high = part.partition("-")
    if not _is_id(low) or (dash and not _is_id(high)):
        raise InvalidValue(f"bad id range {part!r} in {text!r}")
    first = _checked(int(low))
    last = _checked(int(high)) if dash else first
    if last < first:
        raise InvalidValue(f"bad id range {part!r} in {text!r}: it runs backwards")
    return (1 << (last + 1)) - (1 << first)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def _checked(number: int) -> int:
    if not 0 <= number <= MAX_ID:
        raise InvalidValue(f"id {number} is outside 0-{MAX_ID}")
    return number
