"""Attributes of one element of hwloc's XML, checked. Each function raises TopologyError on what hwloc never writes."""

from __future__ import annotations

import re
from functools import lru_cache
from xml.etree.ElementTree import Element

from hpcsched.errors import TopologyError
from hpcsched.model.idset import MAX_ID

_MASK = re.compile(r"(?:0x[0-9a-f]{1,8}|)(?:,(?:0x[0-9a-f]{1,8}|))*", re.ASCII)
LONGEST_TEXT = 120


def mask(item: Element, name: str, absent: int) -> int:
    """hwloc's bitmap `0x0000000f,,0x1`: 32 bits in each part, the highest first, an empty part is zero."""
    text = item.get(name)
    if text is None:
        return absent
    if text.count(",") >= MAX_ID // 32 or not _MASK.fullmatch(text):
        raise TopologyError(f"bad {name} {text[:60]!r} in the topology's XML")
    return _bits(text)


@lru_cache(maxsize=1024)
def _bits(text: str) -> int:
    """Objects one inside the other often have the same mask."""
    return int("".join(part[2:].rjust(8, "0") for part in text.split(",")), 16)


def number(item: Element, name: str, absent: int | None = None, limit: int = MAX_ID) -> int:
    """A decimal number from 0 to `limit`."""
    text = item.get(name)
    if text is None and absent is not None:
        return absent
    if text is None or not is_number(text) or int(text) > limit:
        raise TopologyError(f"bad {name} {text and text[:40]!r} of a {item.get('type', '')[:20]} in the topology's XML")
    return int(text)


def is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20


def info(item: Element, name: str) -> str:
    """The value of an `info` child in one line of 120 characters at most, empty where there is none."""
    value = next((child.get("value", "") for child in item.iterfind("info") if child.get("name") == name), "")
    return " ".join(value.split())[:LONGEST_TEXT]
