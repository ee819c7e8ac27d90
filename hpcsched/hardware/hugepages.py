"""Pools of huge pages that this node has set aside (Documentation/admin-guide/mm/hugetlbpage.rst)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hpcsched.model.allocation import HugePages

ROOT = Path("/")
_POOL = re.compile(r"hugepages-([0-9]{1,15})kB")
_NODE = re.compile(r"node([0-9]{1,5})")


def read_pools(root: Path = ROOT) -> tuple[HugePages, ...]:
    """Pools that hold pages, by NUMA node and rising size; where the kernel keeps none by node, all count on node 0.

    `root` is where /sys is found. Pages that the kernel only adds when asked (surplus) are not counted.
    """
    nodes = sorted(_numbered(root / "sys/devices/system/node", _NODE))
    by_node = [pool for node, folder in nodes for pool in _pools(folder / "hugepages", node)]
    pools = by_node or _pools(root / "sys/kernel/mm/hugepages", 0)
    return tuple(pool for pool in pools if pool.count)


def page_sizes(root: Path = ROOT) -> tuple[int, ...]:
    """In bytes, rising: all that the kernel keeps pools of, also empty ones."""
    return tuple(kib * 1024 for kib, _ in sorted(_numbered(root / "sys/kernel/mm/hugepages", _POOL)))


def _pools(folder: Path, node: int) -> Iterator[HugePages]:
    for kib, pool in sorted(_numbered(folder, _POOL)):
        yield HugePages(node, kib * 1024, _count(pool / "nr_hugepages"))


def _numbered(folder: Path, name: re.Pattern[str]) -> list[tuple[int, Path]]:
    """Entries of the folder with the number in their name; none where the kernel has no such folder."""
    try:
        entries = list(folder.iterdir())
    except OSError:
        return []
    return [(int(match[1]), entry) for entry in entries if (match := name.fullmatch(entry.name))]


def _count(file: Path) -> int:
    try:
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return 0
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
