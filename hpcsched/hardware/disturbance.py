"""What disturbs a running job, as the kernel counts it: memory far away, migrations, throttling, a hypervisor's steal, others.

`root` is where /proc and /sys are found; another folder stands in for it in tests. Nothing is said (None) where the kernel does
not count it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from hpcsched.hardware.cgroup_layout import read
from hpcsched.model.idset import IdSet

ROOT = Path("/")
MAX_THREADS = 4096
"""Looked at for migrations in one go; the rest is left out."""
_MIGRATIONS = b"nr_migrations"


def misplaced(folder: Path, mems: IdSet) -> float | None:
    """Share of a memory control group's anonymous pages, it and all below, that lie on other NUMA nodes than `mems`.

    From memory.numa_stat: pages by node in v1 (admin-guide/cgroup-v1/memory.rst, 5.6), bytes in v2 (admin-guide/cgroup-v2.rst).
    Pages of files do not count: others may have read them first.
    """
    by_node = _anonymous(read(folder / "memory.numa_stat"))
    if by_node is None:
        return None
    total = sum(by_node.values())
    return sum(count for node, count in by_node.items() if node not in mems) / total if total else 0.0


def _anonymous(text: str) -> dict[int, int] | None:
    """v1 has the group with all below it in lines of their own, v2 always adds them up."""
    lines = {words[0].partition("=")[0]: words[1:] for line in text.splitlines() if (words := line.split())}
    chosen = next((name for name in ("hierarchical_anon", "anon") if name in lines), None)
    if chosen is None:
        return None
    pairs = (word.removeprefix("N").partition("=")[::2] for word in lines[chosen])
    return {int(node): int(count) for node, count in pairs if node.isdigit() and count.isdigit()}


def migrations(pids: Iterable[int], root: Path = ROOT) -> dict[str, int] | None:
    """By thread, as PID/TID, how often it has changed its CPU (/proc/PID/task/TID/sched, a kernel with CONFIG_SCHED_DEBUG)."""
    if not (root / "proc/self/sched").exists():
        return None
    found = ((thread, _migrations(_bytes(thread / "sched"))) for thread in islice(_threads(pids, root), MAX_THREADS))
    return {f"{thread.parent.parent.name}/{thread.name}": count for thread, count in found if count is not None}


def _threads(pids: Iterable[int], root: Path) -> Iterator[Path]:
    for pid in pids:
        folder = root / "proc" / str(pid) / "task"
        try:
            yield from list(folder.iterdir())
        except OSError:
            continue


def _migrations(text: bytes) -> int | None:
    line = next((line for line in text.splitlines() if _MIGRATIONS in line), b"")
    count = line.rpartition(b":")[2].strip()
    return int(count) if count.isdigit() else None


def heat_throttles(cpus: Iterable[int], root: Path = ROOT) -> int | None:
    """Times that these CPUs, one of each core, or their packages were slowed down for heat (x86, thermal_throttle of sysfs)."""
    cores, packages = 0, dict[str, int]()
    for cpu in cpus:
        folder = root / f"sys/devices/system/cpu/cpu{cpu}"
        core = read(folder / "thermal_throttle/core_throttle_count")
        if not core.isdigit():
            return None
        cores += int(core)
        count = read(folder / "thermal_throttle/package_throttle_count")
        packages[read(folder / "topology/physical_package_id")] = int(count) if count.isdigit() else 0
    return cores + sum(packages.values())


def quota_throttles(folder: Path, mount: Path) -> int | None:
    """Periods in which a CPU quota on the group, or on any above it, held it up (`nr_throttled` of cpu.stat)."""
    groups = [folder, *(group for group in folder.parents if group == mount or mount in group.parents)]
    counts = [int(words[1]) for group in groups for words in _pairs(read(group / "cpu.stat")) if words[0] == "nr_throttled"]
    return sum(counts) if counts else None


class CpuTimes(NamedTuple):
    """Of `cpus` CPUs together, in ticks: `steal` is not part of `busy`."""

    cpus: int
    busy: int
    steal: int
    total: int

    def since(self, before: CpuTimes) -> CpuTimes:
        """What has passed since."""
        return CpuTimes(self.cpus, self.busy - before.busy, self.steal - before.steal, self.total - before.total)


def cpu_times(cpus: IdSet, root: Path = ROOT) -> CpuTimes | None:
    """Of these CPUs since boot, from /proc/stat (proc(5)); guests' time is in user time already."""
    rows = (line.split() for line in read(root / "proc/stat").splitlines() if line.startswith("cpu"))
    times = [list(map(int, row[1:9])) for row in rows if row[0][3:].isdigit() and int(row[0][3:]) in cpus]
    known = [row for row in times if len(row) == 8]
    if not known:
        return None
    _user, _nice, _system, idle, iowait, _irq, _softirq, steal = map(sum, zip(*known, strict=True))
    total = sum(map(sum, known))
    return CpuTimes(len(known), total - idle - iowait - steal, steal, total)


def _pairs(text: str) -> Iterator[list[str]]:
    return (words for line in text.splitlines() if len(words := line.split()) == 2 and words[1].isdigit())


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
