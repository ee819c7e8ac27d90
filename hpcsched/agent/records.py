"""Output of many tasks in one file: records of magic, position and size (little-endian u32 each) and so many bytes.

One file that is only ever appended to serves a million tasks as well as one; a file for each would take a block and an inode of
the node each. `runtimes/init/output.h` has the layout. Records of tasks that ran side by side are mixed, those of one in order.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

MAGIC = int.from_bytes(b"hpc1", "little")
MAX_SIZE = 64 << 10
_HEAD = struct.Struct("<III")
_BLOCK = 1 << 20


def scan(file: int, at: int) -> Iterator[tuple[int, int, bytes]]:
    """Of each whole record from byte `at` on: where the next one begins, the task's position, and the bytes."""
    while block := os.pread(file, _BLOCK, at):
        used = 0
        for used, position, data in _records(block):
            yield at + used, position, data
        if not used:
            return
        at += used


def _records(block: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Up to the first that is cut off, or is none."""
    at = 0
    while at + _HEAD.size <= len(block):
        magic, position, size = _HEAD.unpack_from(block, at)
        begin, at = at + _HEAD.size, at + _HEAD.size + size
        if magic != MAGIC or size > MAX_SIZE or at > len(block):
            return
        yield at, position, block[begin:at]
