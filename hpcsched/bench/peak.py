"""What the bound cores could compute at most, where the kernel says enough to know it."""

from __future__ import annotations

from pathlib import Path

from hpcsched.bench.about import Limit
from hpcsched.bench.machine import SYS, core_count
from hpcsched.model.idset import IdSet
from hpcsched.model.units import format_count

CPUINFO = Path("/proc/cpuinfo")
FLOPS_PER_CYCLE = (("avx512f", 32), ("fma", 16), ("avx", 8), ("sse2", 4))
"""Adds and multiplies in double precision that any core with that flag has done in a cycle so far: two units of its widest
vectors, fused where there is `fma`. A core with fewer units stays below."""
TURBO_KNOWN = frozenset({"intel_pstate", "intel_cpufreq", "amd-pstate", "amd-pstate-epp"})
"""Drivers of cpufreq whose cpuinfo_max_freq has the boost in it."""


def peak(cpus: IdSet, sys: Path = SYS, cpuinfo: Path = CPUINFO) -> Limit | None:
    """In GFLOP/s of double precision; None where the frequency or the vector units are not known, as in most virtual machines."""
    flags, hertz = _flags(cpuinfo), _frequencies(cpus, sys)
    found = next(((name, flops) for name, flops in FLOPS_PER_CYCLE if name in flags), None)
    if found is None or not hertz:
        return None
    name, flops = found
    cores, gigahertz = format_count(len(hertz), "core"), sum(hertz) / len(hertz) / 1e9
    source = f"{cores}, {gigahertz:.2f} GHz at most (cpufreq), {flops} operations per cycle at most ({name})"
    return Limit(sum(hertz) * flops / 1e9, source)


def _frequencies(cpus: IdSet, sys: Path) -> list[float]:
    """The highest of each core in Hz; empty unless all are known."""
    seen: dict[str, float] = {}
    for cpu in cpus:
        base = sys / f"devices/system/cpu/cpu{cpu}"
        core = _text(base / "topology/thread_siblings_list") or str(cpu)
        seen[core] = max(seen.get(core, 0.0), _highest(base / "cpufreq", sys))
    return list(seen.values()) if len(seen) == core_count(cpus, sys) and all(seen.values()) else []


def _highest(cpufreq: Path, sys: Path) -> float:
    text = _text(cpufreq / "cpuinfo_max_freq")
    no_boost = _text(sys / "devices/system/cpu/cpufreq/boost") == "0"
    trusted = no_boost or _text(cpufreq / "scaling_driver") in TURBO_KNOWN
    return float(text) * 1e3 if trusted and text.isdigit() else 0.0


def _flags(cpuinfo: Path) -> frozenset[str]:
    lines = _text(cpuinfo).splitlines()
    return frozenset(next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), []))


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
