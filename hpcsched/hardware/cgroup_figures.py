"""What the kernel says of a control group: the limits in force, and what was used. v1 and v2."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hpcsched.hardware.cgroup import tree
from hpcsched.hardware.cgroup_layout import Layout, read
from hpcsched.hardware.cgroup_limits import page_name
from hpcsched.model.container import Usage

_NO_LIMIT = 1 << 62
"""v1 writes no limit as the largest page-aligned long, a little below 2**63."""


def paths_of(proc_cgroup: str, layout: Layout) -> dict[Path, str]:
    """Mount of each hierarchy to the path in it, from the text of /proc/PID/cgroup (cgroups(7))."""
    found: dict[Path, str] = {}
    for line in proc_cgroup.splitlines():
        _number, names, path = line.split(":", 2)
        hierarchy = layout.find(names.split(",")[0]) if names else layout.unified
        if hierarchy:
            found[hierarchy.mount] = path
    return found


def folder_of(controller: str, proc_cgroup: str, layout: Layout) -> Path | None:
    """The folder that the process is in for that controller."""
    hierarchy = layout.find(controller)
    path = paths_of(proc_cgroup, layout).get(hierarchy.mount) if hierarchy else None
    return hierarchy.mount / path.lstrip("/") if hierarchy and path is not None else None


def memory_limit(folder: Path, mount: Path) -> int:
    """Bytes; the smallest of the group and all above it, which is what the kernel enforces. 0: none."""
    return _smallest(folder, mount, "memory.max", "memory.limit_in_bytes") or 0


def pids_limit(folder: Path, mount: Path) -> int:
    """Processes and threads, the smallest as above. 0: no limit."""
    return _smallest(folder, mount, "pids.max") or 0


def hugepage_limits(folder: Path, mount: Path, sizes: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Page size and limit, both in bytes, of those sizes that are limited."""
    stems = ((size, f"hugetlb.{page_name(size)}") for size in sorted(sizes))
    limits = ((size, _smallest(folder, mount, f"{stem}.max", f"{stem}.limit_in_bytes")) for size, stem in stems)
    return tuple((size, limit) for size, limit in limits if limit is not None)


def _smallest(folder: Path, mount: Path, *files: str) -> int | None:
    """Over the group and all above it, of the first of the files that is there; None without any limit."""
    limits = [limit for group in _upwards(folder, mount) if (limit := _own_limit(group, files)) is not None]
    return min(limits, default=None)


def _own_limit(group: Path, files: tuple[str, ...]) -> int | None:
    text = next((text for file in files if (text := read(group / file))), "")
    limit = int(text) if text.isdigit() else _NO_LIMIT
    return limit if limit < _NO_LIMIT else None


def has_quota(folder: Path, mount: Path) -> bool:
    """A CPU quota (CFS bandwidth) on the group or on any above it."""
    return any(_own_quota(group) for group in _upwards(folder, mount))


def _own_quota(group: Path) -> bool:
    v2 = read(group / "cpu.max").split()
    return bool(v2 and v2[0] != "max") or read(group / "cpu.cfs_quota_us") not in ("", "-1")


def _upwards(folder: Path, mount: Path) -> list[Path]:
    return [folder, *(group for group in folder.parents if group == mount or mount in group.parents)]


def usage(layout: Layout, path: str) -> Usage:
    """Of the group at `path` (relative to the mounts) and all below it; zeros once it is gone."""
    memory, cpu = layout.find("memory"), layout.find("cpuacct")
    return Usage(
        cpu_s=(cpu_seconds(cpu.mount / path) or 0.0) if cpu else 0.0,
        peak_memory=_peak(memory.mount / path) if memory else 0,
        oom_kills=_oom_kills(memory.mount / path, memory.version) if memory else 0,
    )


def cpu_seconds(folder: Path) -> float | None:
    """Of all processes that the group, and all below it, ever had; None once it is gone."""
    microseconds = _keyed(folder / "cpu.stat").get("usage_usec")
    if microseconds is not None:
        return microseconds / 1e6
    nanoseconds = read(folder / "cpuacct.usage")
    return int(nanoseconds) / 1e9 if nanoseconds.isdigit() else None


def _peak(folder: Path) -> int:
    """v2 has memory.peak since kernel 5.19 only; before it, what is used now stands for it."""
    names = ("memory.max_usage_in_bytes", "memory.peak", "memory.current")
    return next((int(text) for name in names if (text := read(folder / name)).isdigit()), 0)


def _oom_kills(folder: Path, version: int) -> int:
    """v1 counts in the victim's own group alone, v2 in all above it too."""
    if version == 2:
        return _keyed(folder / "memory.events").get("oom_kill", 0)
    return sum(_keyed(group / "memory.oom_control").get("oom_kill", 0) for group in tree(folder))


def _keyed(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in read(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
