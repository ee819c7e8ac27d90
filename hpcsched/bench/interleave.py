"""Deals the pages of a program that was not written for NUMA over all memory nodes in turn."""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path

from hpcsched.model.idset import IdSet

MPOL_INTERLEAVE = 3
NUMBERS = {"x86_64": 238, "aarch64": 237, "ppc64le": 261, "riscv64": 237}
"""set_mempolicy(2), which the C library has no function for."""
STATUS = Path("/proc/self/status")
MASK_BITS = 1024


def interleave(status: Path = STATUS) -> str:
    """For all memory that this process touches from here on; says over which nodes, for the configuration."""
    nodes = allowed_nodes(status)
    number = NUMBERS.get(platform.machine())
    if len(nodes) < 2 or number is None:
        return f"node {nodes}"
    return f"interleaved over {nodes}" if _set(number, nodes) else f"first touch on {nodes}"


def allowed_nodes(status: Path = STATUS) -> IdSet:
    lines = status.read_text().splitlines()
    return IdSet.parse(next((line.split()[1] for line in lines if line.startswith("Mems_allowed_list:")), "0"))


def _set(number: int, nodes: IdSet) -> bool:
    mask = (ctypes.c_ubyte * (MASK_BITS // 8))()
    for node in nodes:
        mask[node // 8] |= 1 << node % 8
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    arguments = (ctypes.c_long(number), ctypes.c_int(MPOL_INTERLEAVE), mask, ctypes.c_ulong(MASK_BITS + 1))
    return bool(libc.syscall(*arguments) == 0)
