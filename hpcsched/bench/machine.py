"""What a benchmark needs to know of the cores and memory it may use; roots of /proc and /sys come in as arguments."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from hpcsched.model.idset import IdSet
from hpcsched.model.units import parse_bytes

PROC, SYS = Path("/proc"), Path("/sys")


def bound_cpus() -> IdSet:
    """PUs that this process may run on, sched_getaffinity(2)."""
    return IdSet.of(os.sched_getaffinity(0))


def core_count(cpus: IdSet, sys: Path = SYS) -> int:
    """Cores that own at least one of these PUs; every PU is a core where the kernel names no siblings."""
    siblings = {_text(sys / f"devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") or str(cpu) for cpu in cpus}
    return len(siblings)


def last_level_cache(cpus: IdSet, sys: Path = SYS) -> int:
    """Bytes of all highest-level caches that these PUs share, 0 where the kernel shows none."""
    found = [cache for cpu in cpus for cache in _caches(cpu, sys)]
    top = max((level for level, _, _ in found), default=0)
    return sum({shared: size for level, shared, size in found if level == top}.values())


def _caches(cpu: int, sys: Path) -> Iterable[tuple[int, str, int]]:
    for index in sorted(sys.glob(f"devices/system/cpu/cpu{cpu}/cache/index*")):
        level, size = _text(index / "level"), _text(index / "size")
        if level.isdigit() and size and _text(index / "type") != "Instruction":
            yield int(level), _text(index / "shared_cpu_list"), parse_bytes(size)


def memory_available(proc: Path = PROC, sys: Path = SYS) -> int:
    """Bytes: MemAvailable of proc(5), or the memory cgroup's limit (v1 or v2, any level) where that is less."""
    lines = dict(line.split(":", 1) for line in _text(proc / "meminfo").splitlines() if ":" in line)
    free = int(lines.get("MemAvailable", "0 kB").split()[0]) << 10
    return min([free, *_cgroup_limits(proc, sys / "fs/cgroup")])


def _cgroup_limits(proc: Path, mount: Path) -> Iterable[int]:
    for line in _text(proc / "self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            yield from _limits(mount / "memory", path, "memory.limit_in_bytes")
        elif not controllers:
            yield from _limits(mount, path, "memory.max")


def _limits(mount: Path, path: str, name: str) -> Iterable[int]:
    inside = Path(path.lstrip("/"))
    for folder in (inside, *inside.parents):
        text = _text(mount / folder / name)
        if text.isdigit():
            yield int(text)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
