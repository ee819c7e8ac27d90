"""What the kernel must offer. `root` is the folder in which /proc and /sys are found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hpcsched.cli.check import Check, fail, ok, warn
from hpcsched.hardware import host

NEEDED_KERNEL = (5, 12)
"""mount_setattr(2), with which a tree of mounts becomes read-only at once."""
NEEDED_CONTROLLERS = ("cpuset", "memory", "pids")
V1_CONTROLLERS = (*NEEDED_CONTROLLERS, "devices", "freezer", "cpuacct")
_SLOW_CLOCKS = ("hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit")


def kernel(root: Path) -> Check:
    release = host.kernel_version(root)
    match = re.match(r"(\d+)\.(\d+)", release)
    if match and (int(match[1]), int(match[2])) >= NEEDED_KERNEL:
        return ok("kernel", release)
    return fail(
        "kernel", release or "unknown", "containers need mount_setattr(2) of Linux 5.12", "apt-get install linux-image-amd64"
    )


def overlay(root: Path) -> Check:
    names = (line.split()[-1] for line in _lines(root / "proc/filesystems"))
    if "overlay" in names:
        return ok("overlayfs", "in the kernel")
    return fail("overlayfs", "not in /proc/filesystems", "no container gets a root file system of its own", "modprobe overlay")


def cgroups(root: Path) -> Check:
    """The needed controllers, in whichever hierarchies are mounted."""
    v1, v2 = _controllers(root)
    if set(V1_CONTROLLERS) <= v1:
        return ok("cgroups", f"version 1: {' '.join(sorted(v1 & set(V1_CONTROLLERS)))}")
    if set(NEEDED_CONTROLLERS) <= v2:
        return ok("cgroups", f"version 2: {' '.join(sorted(v2))}")
    missing = sorted(set(NEEDED_CONTROLLERS) - v2 if v2 else set(V1_CONTROLLERS) - v1)
    return fail(
        "cgroups",
        f"missing: {' '.join(missing)}",
        "jobs cannot be pinned or limited",
        "boot with systemd.unified_cgroup_hierarchy=1 and without cgroup_disable",
    )


def _controllers(root: Path) -> tuple[set[str], set[str]]:
    """Those of version 1 by their mount options, those of version 2 by cgroup.controllers (cgroups(7))."""
    v1: set[str] = set()
    v2: set[str] = set()
    for kind, point, options in mounts(root):
        if kind == "cgroup":
            v1 |= set(options.split(","))
        elif kind == "cgroup2":
            v2 |= set(_text(root / point.lstrip("/") / "cgroup.controllers").split())
    return v1, v2


def mounts(root: Path) -> Iterator[tuple[str, str, str]]:
    """Type, mount point and super options of every mount, proc_pid_mountinfo(5)."""
    for line in _lines(root / "proc/self/mountinfo"):
        place, _, source = line.partition(" - ")
        yield source.split()[0], place.split()[4], source.split()[-1]


def clock(root: Path) -> Check:
    source = host.clock_source(root)
    if source not in _SLOW_CLOCKS:
        return ok("clock source", source or "unknown")
    mend = "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource"
    return warn("clock source", source, "each reading of the clock costs about 1 us: short timings are distorted", mend)


def huge_pages(root: Path) -> Check:
    mode = host.thp_mode(root)
    if mode in ("always", "madvise"):
        return ok("transparent huge pages", mode)
    mend = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"
    return warn("transparent huge pages", mode or "not in the kernel", "large arrays pay for more TLB misses", mend)


def governor(root: Path) -> Check:
    found = host.governor(root)
    if found in ("", "performance"):
        return ok("frequency governor", found or "none: firmware or hypervisor decide")
    mend = "echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
    return warn("frequency governor", found, "cores start each job below their full clock; timings scatter", mend)


def numa_balancing(root: Path) -> Check:
    found, nodes = host.numa_balancing(root), len(list((root / "sys/devices/system/node").glob("node[0-9]*")))
    if found in ("", "0") or nodes < 2:
        return ok("NUMA balancing", "off" if found in ("", "0") else "on, but there is one memory node")
    cost = "the kernel unmaps pages to see who uses them, though jobs are pinned already"
    return warn("NUMA balancing", "on", cost, "sysctl -w kernel.numa_balancing=0")


def threads(root: Path) -> Check:
    on = _text(root / "sys/devices/system/cpu/smt/active") == "1"
    return ok("hardware threads", "on: a job owns whole cores, all their threads or none" if on else "off: one for each core")


def swap(root: Path) -> Check:
    areas = [line.split()[0] for line in _lines(root / "proc/swaps")[1:]]
    if not areas:
        return ok("swap", "none")
    return warn("swap", " ".join(areas), "a job's memory may wait on a disk", "swapoff -a")


def lxcfs(root: Path) -> Check:
    over = [point for kind, point, _ in mounts(root) if kind == "fuse.lxcfs" and point.startswith(("/proc", "/sys"))]
    if not over:
        return ok("lxcfs", "not over /proc or /sys")
    cost = "programs see other CPUs than the kernel gives them"
    return warn("lxcfs", f"over {' '.join(over)}", cost, "systemctl disable --now lxcfs")


def _lines(path: Path) -> list[str]:
    return [line for line in _text(path).splitlines() if line.strip()]


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
