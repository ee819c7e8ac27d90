"""Deals the pages of a program that was not written for NUMA over all memory nodes in turn."""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path

from hpcsched.bench.machine import PROC, allowed_nodes
from hpcsched.model.idset import IdSet

MPOL_DEFAULT, MPOL_INTERLEAVE = 0, 3
SET_POLICY = {"x86_64": 238, "aarch64": 237, "ppc64le": 261, "riscv64": 237}
GET_POLICY = {"x86_64": 239, "aarch64": 236, "ppc64le": 260, "riscv64": 236}
"""set_mempolicy(2) and get_mempolicy(2), which the C library has no functions for."""
MASK_BITS = 1024


def interleave(proc: Path = PROC) -> str:
    """For all memory that this process touches from here on; says over which nodes, for the configuration.

    A policy that it was started with stays, so that its effect is measured.
    """
    nodes, number = allowed_nodes(proc), SET_POLICY.get(platform.machine())
    if _policy() != MPOL_DEFAULT:
        return f"on {nodes}, by the policy that it was started with"
    if len(nodes) < 2 or number is None:
        return f"node {nodes}"
    return f"interleaved over {nodes}" if _set(number, nodes) else f"first touch on {nodes}"


def _policy() -> int:
    """The default where the kernel does not say."""
    mode, number = ctypes.c_int(MPOL_DEFAULT), GET_POLICY.get(platform.machine())
    if number is not None:
        _call(number, ctypes.byref(mode), None, ctypes.c_ulong(0), None, ctypes.c_ulong(0))
    return mode.value


def _set(number: int, nodes: IdSet) -> bool:
    mask = (ctypes.c_ubyte * (MASK_BITS // 8))()
    for node in nodes:
        mask[node // 8] |= 1 << node % 8
    return _call(number, ctypes.c_int(MPOL_INTERLEAVE), mask, ctypes.c_ulong(MASK_BITS + 1)) == 0


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return int(libc.syscall(ctypes.c_long(number), *arguments))
