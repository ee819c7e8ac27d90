"""What a node must have before it is given another job: room, writable disks, free huge pages, a clock."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from hpcsched.hardware.cgroup_layout import read
from hpcsched.model.allocation import HugePages
from hpcsched.model.units import GIB, format_bytes, parse_bytes

ROOT = Path("/")
_STA_UNSYNC = 0x40
"""The clock is not synchronised: adjtimex(2), linux/timex.h."""
_TIMEX_BYTES = 512
"""Larger than struct timex anywhere; `modes` (0: only read) and `status` are its 1st int and the int after four longs."""


def full_disk(folder: Path, least: str) -> Iterator[str]:
    """`least` as in `[agent] disk_free`. Raises InvalidValue."""
    disk = os.statvfs(folder)
    free, wanted = disk.f_bavail * disk.f_frsize, wanted_room(least, disk.f_blocks * disk.f_frsize)
    if free < wanted:
        yield f"{folder} has {format_bytes(free)} free, less than {format_bytes(wanted)} ([agent] disk_free)"


def wanted_room(least: str, size: int) -> int:
    """Bytes; `auto` is 1 % of the disk, 1 GiB at most. Raises InvalidValue."""
    return min(size // 100, GIB) if least == "auto" else parse_bytes(least)


def is_read_only(folder: Path) -> bool:
    """As a file system becomes by itself after an error (mount(8), errors=remount-ro)."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def missing_pages(pools: Iterable[HugePages], root: Path = ROOT) -> Iterator[str]:
    """Pools that have fewer free pages than the node offers (Documentation/admin-guide/mm/hugetlbpage.rst)."""
    for pool in pools:
        free = _free_pages(pool, root)
        if free is not None and free < pool.count:
            size = format_bytes(pool.size)
            yield f"NUMA node {pool.numa} has {free} free huge pages of {size}, it should have {pool.count}"


def _free_pages(pool: HugePages, root: Path) -> int | None:
    """A kernel without NUMA has one pool for all."""
    name = f"hugepages/hugepages-{pool.size >> 10}kB/free_hugepages"
    text = read(root / f"sys/devices/system/node/node{pool.numa}" / name) or read(root / "sys/kernel/mm" / name)
    return int(text) if text.isdigit() else None


def is_clock_synchronised() -> bool:
    """By NTP, PTP or the like, as the kernel sees it."""
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    words = (ctypes.c_int * 1).from_buffer(buffer, 5 * ctypes.sizeof(ctypes.c_long))
    return not words[0] & _STA_UNSYNC
