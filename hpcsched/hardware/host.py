"""Read-only facts of this node that a measurement depends on. Each is empty (or 0) where the kernel does not tell it.

`root` is where /proc and /sys are found; another folder stands in for it in tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hpcsched.sched.shares import restrict as restrict
from hpcsched.sched.shares import share as share

ROOT = Path("/")
_CPU_KEYS = ("model name", "cpu", "Processor", "cpu model")


def boot_id(root: Path = ROOT) -> str:
    """A UUID that changes with every boot, random(4)."""
    return text_of(root / "proc/sys/kernel/random/boot_id")


def kernel_version(root: Path = ROOT) -> str:
    """As `uname -r`."""
    return text_of(root / "proc/sys/kernel/osrelease")


def cpu_model(root: Path = ROOT) -> str:
    """The name of the first CPU, or of the board where the CPUs have none (many ARM machines)."""
    names = dict(reversed(list(_cpuinfo(root))))
    found = next((names[key] for key in _CPU_KEYS if names.get(key)), "")
    return found or text_of(root / "sys/firmware/devicetree/base/model").rstrip("\0")


def clock_source(root: Path = ROOT) -> str:
    """`tsc`, `kvm-clock`, `hpet` …"""
    return text_of(root / "sys/devices/system/clocksource/clocksource0/current_clocksource")


def thp_mode(root: Path = ROOT) -> str:
    """Transparent huge pages: `always`, `madvise` or `never`."""
    match = re.search(r"\[(\w+)\]", text_of(root / "sys/kernel/mm/transparent_hugepage/enabled"))
    return match[1] if match else ""


def governor(root: Path = ROOT) -> str:
    """The cpufreq governor of all CPUs; several, sorted and joined by commas, where they differ."""
    files = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    return ",".join(sorted({text for text in map(text_of, files) if text}))


def numa_balancing(root: Path = ROOT) -> str:
    """The kernel's own figure (Documentation/admin-guide/sysctl/kernel.rst): `0` is off."""
    return text_of(root / "proc/sys/kernel/numa_balancing")


def online_memory(root: Path = ROOT) -> int:
    """Bytes of memory that the kernel manages (MemTotal, proc(5))."""
    match = re.search(r"^MemTotal:\s+(\d+) kB$", text_of(root / "proc/meminfo"), re.MULTILINE)
    return int(match[1]) * 1024 if match else 0


def _cpuinfo(root: Path) -> Iterator[tuple[str, str]]:
    for line in text_of(root / "proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        yield key.strip(), " ".join(value.split())


def text_of(path: Path) -> str:
    """The file without white space around it; empty when it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
