"""What a benchmark needs to know of the cores and memory it may use; roots of /proc and /sys come in as arguments."""

from __future__ import annotations

import os
import re
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


def one_of_each_core(cpus: IdSet, sys: Path = SYS) -> IdSet:
    """Of each core the lowest of these PUs: where a thread for each core belongs."""
    first: dict[str, int] = {}
    for cpu in cpus:
        first.setdefault(_text(sys / f"devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") or str(cpu), cpu)
    return IdSet.of(first.values())


def by_node(cpus: IdSet, sys: Path = SYS) -> dict[int, IdSet]:
    """These PUs by NUMA node, without those whose node has no memory; all on node 0 where the kernel names no nodes."""
    nodes = {node: IdSet.parse(_text(sys / f"devices/system/node/node{node}/cpulist")) & cpus for node in memory_nodes(sys)}
    return {node: local for node, local in nodes.items() if local} or {0: cpus}


def unbound_nodes(cpus: IdSet, sys: Path = SYS) -> IdSet:
    """NUMA nodes with memory and PUs that have none of these PUs."""
    online = IdSet.parse(_text(sys / "devices/system/cpu/online") or "0")
    return IdSet.of(by_node(online | cpus, sys)) - IdSet.of(by_node(cpus, sys))


def memory_nodes(sys: Path = SYS) -> IdSet:
    """NUMA nodes that have memory, whoever may use it."""
    return IdSet.parse(_text(sys / "devices/system/node/has_memory") or "0")


def allowed_nodes(proc: Path = PROC) -> IdSet:
    """NUMA nodes that this process may take memory from, proc(5)."""
    lines = dict(line.split(":", 1) for line in _text(proc / "self/status").splitlines() if ":" in line)
    return IdSet.parse(lines.get("Mems_allowed_list", "0").strip())


def distances(node: int, sys: Path = SYS) -> dict[int, int]:
    """From that NUMA node to each online one in the firmware's figures (SLIT: 10 is local); empty where the kernel has none."""
    folder = sys / "devices/system/node"
    figures = [int(figure) for figure in _text(folder / f"node{node}/distance").split()]
    return dict(zip(IdSet.parse(_text(folder / "online")), figures, strict=False))


def cache_sizes(cpu: int, sys: Path = SYS) -> dict[int, int]:
    """Bytes of the data or unified cache of each level that this PU uses."""
    return {level: size for level, _, size in _caches(cpu, sys)}


def line_size(cpu: int, sys: Path = SYS) -> int:
    """Bytes of a line of its first data cache, 64 where the kernel does not say."""
    text = _text(sys / f"devices/system/cpu/cpu{cpu}/cache/index0/coherency_line_size")
    return int(text) if text.isdigit() and int(text) else 64


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


def memory_free(node: int, sys: Path = SYS) -> int:
    """Bytes of that NUMA node that nobody uses, after which the kernel takes those of another; 0 where it does not say."""
    found = re.search(r"MemFree:\s+(\d+) kB", _text(sys / f"devices/system/node/node{node}/meminfo"))
    return int(found[1]) << 10 if found else 0


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
