"""Resource limits as HPC codes need them."""

from __future__ import annotations

import resource

from hpcsched.model.container import Rlimit

_CAP_SYS_RESOURCE = 24
_NOFILE = 1 << 20
_UNLIMITED = ("memlock", "stack", "nproc")


def default_rlimits() -> tuple[Rlimit, ...]:
    """Unlimited memlock, stack and nproc, and 1048576 files or more; this process's hard limits where it may not raise them."""
    free = _may_raise()
    return (*(_widest(name, free) for name in _UNLIMITED), _files(free), Rlimit("core", 0, _hard("core", free)))


def _widest(name: str, free: bool) -> Rlimit:
    hard = _hard(name, free)
    return Rlimit(name, hard, hard)


def _hard(name: str, free: bool) -> int:
    return -1 if free else resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[1]


def _files(free: bool) -> Rlimit:
    """RLIMIT_NOFILE has no "unlimited" (fs.nr_open bounds it)."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = max(hard, _NOFILE) if free else hard
    return Rlimit("nofile", files, files)


def _may_raise() -> bool:
    """CAP_SYS_RESOURCE is in force (capabilities(7))."""
    with open("/proc/self/status") as status:
        mask = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff:"))
    return bool(mask >> _CAP_SYS_RESOURCE & 1)
