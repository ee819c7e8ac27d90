"""Lists of node names, as `n1,n2` or `n[01-16,20]-ib`: Slurm's hostlist expressions (scontrol(1)) with one range in a name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hpcsched.errors import InvalidValue

MOST = 100_000
_PART = re.compile(r"([^\[\],\s]*)(?:\[([\d,-]+)\])?([^\[\],\s]*)", re.ASCII)
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)


def expand(text: str) -> tuple[str, ...]:
    """Each name once, in the order of the text. Raises InvalidValue."""
    names: dict[str, None] = {}
    for part in re.split(r",(?![^\[]*\])", text.strip()):
        for name in _names(part, text):
            names[name] = None
            if len(names) > MOST:
                raise InvalidValue(f"{text[:60]!r} names more than {MOST} nodes")
    return tuple(names)


def _names(part: str, text: str) -> Iterator[str]:
    found = _PART.fullmatch(part)
    if not part or found is None:
        raise InvalidValue(f"bad list of nodes {text[:60]!r}: write it like n1,n2 or n[01-16,20]")
    before, ranges, after = found.groups()
    if ranges is None:
        yield part
        return
    yield from (f"{before}{number}{after}" for number in _numbers(ranges, text))


def _numbers(ranges: str, text: str) -> Iterator[str]:
    """As wide as the first end of each range is written."""
    for one in ranges.split(","):
        found = _RANGE.fullmatch(one)
        if found is None:
            raise InvalidValue(f"bad range {one!r} in the list of nodes {text[:60]!r}")
        first, last = found[1], found[2] or found[1]
        if int(last) < int(first) or int(last) - int(first) >= MOST:
            raise InvalidValue(f"bad range {one!r} in the list of nodes {text[:60]!r}: the lower end first")
        yield from (f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1))
