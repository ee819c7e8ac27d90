"""The fingerprint of what a benchmark ran in: taken inside each sample, compared between the arms."""

from __future__ import annotations

import os
import platform
import re
import resource
from collections.abc import Iterable, Mapping
from pathlib import Path

from hpcsched.bench.libraries import hashes, mapped, needed
from hpcsched.hardware import host

_STATUS = {
    "Cpus_allowed_list": "cpus",
    "Mems_allowed_list": "mems",
    "CapEff": "capabilities",
    "Seccomp": "seccomp",
    "Seccomp_filters": "seccomp_filters",
    "NoNewPrivs": "no_new_privs",
    "Speculation_Store_Bypass": "speculation_store_bypass",
    "SpeculationIndirectBranch": "speculation_indirect_branch",
    "THP_enabled": "thp_allowed",
}
_FILES = {
    "thp_defrag": "sys/kernel/mm/transparent_hugepage/defrag",
    "thp_shmem": "sys/kernel/mm/transparent_hugepage/shmem_enabled",
    "smt": "sys/devices/system/cpu/smt/control",
    "turbo_off": "sys/devices/system/cpu/intel_pstate/no_turbo",
    "boost": "sys/devices/system/cpu/cpufreq/boost",
    "frequency_driver": "sys/devices/system/cpu/cpu0/cpufreq/scaling_driver",
    "frequency_most": "sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq",
    "frequency_least": "sys/devices/system/cpu/cpu0/cpufreq/scaling_min_freq",
    "energy_preference": "sys/devices/system/cpu/cpu0/cpufreq/energy_performance_preference",
    "idle_driver": "sys/devices/system/cpu/cpuidle/current_driver",
    "aslr": "proc/sys/kernel/randomize_va_space",
    "hugepages": "proc/sys/vm/nr_hugepages",
    "overcommit": "proc/sys/vm/overcommit_memory",
    "swappiness": "proc/sys/vm/swappiness",
    "zone_reclaim": "proc/sys/vm/zone_reclaim_mode",
    "watchdog": "proc/sys/kernel/nmi_watchdog",
    "personality": "proc/self/personality",
    "timer_slack_ns": "proc/self/timerslack_ns",
}
_LIMITS = ("memlock", "stack", "nofile", "nproc", "as", "data", "rss", "rtprio", "nice")
_POLICY_BYTES = 256
_BOOT = re.compile(
    r"^(isolcpus|nohz|nohz_full|rcu_nocbs|irqaffinity|mitigations|spec\w*|spectre\w*|nosmt|transparent_hugepage|hugepages|"
    r"hugepagesz|default_hugepagesz|numa_balancing|numa|idle|intel_idle\.\S+|processor\.\S+|intel_pstate|amd_pstate|clocksource|"
    r"tsc|nowatchdog|nmi_watchdog|preempt)(=|$)"
)
_VARIABLES = re.compile(
    r"^(OMP|GOMP|KMP|LIBOMP|OPENBLAS|GOTO|MKL|BLIS|FLEXIBLAS|NUMEXPR|MALLOC|LD|GLIBC|OMPI|MPICH|I_MPI|UCX|FI|PMIX|PRTE|CUDA|"
    r"NVIDIA|HIP|ROCR|ZE|PYTHON)(_|[A-Z]*$)"
)
OF_THE_CONTAINER = frozenset(
    {
        "seccomp",
        "seccomp_filters",
        "no_new_privs",
        "speculation_store_bypass",
        "speculation_indirect_branch",
        "capabilities",
    }
)
"""What a container is made of: a difference there is part of what is measured, and is named as a likely cause of one in speed.
Any other means that the arms were not alike: what a container is given (cores, memory, limits, variables) is given to both."""

LIKELY_CAUSES = frozenset({"seccomp", "seccomp_filters", "speculation_store_bypass", "speculation_indirect_branch"})


def collect(root: Path = Path("/"), programs: Iterable[Path] = ()) -> dict[str, str]:
    """Names to values as the kernel writes them; a name is left out where the kernel has no such file.

    Libraries are those mapped by this process, so call it after the work, and those that `programs` load. The boot id is not
    among the facts: liblxc gives each container its own.
    """
    found = {
        "kernel": host.kernel_version(root),
        "boot_options": _boot_options(root),
        "clock_source": host.clock_source(root),
        "thp": host.thp_mode(root),
        "governor": host.governor(root),
        "numa_balancing": host.numa_balancing(root),
        "mitigations": _mitigations(root),
        "libc": " ".join(platform.libc_ver()),
        "python": platform.python_version(),
        **_cpu(root),
        "scheduling": f"policy {os.sched_getscheduler(0)} nice {os.getpriority(os.PRIO_PROCESS, 0)}",
        "memory_policy": _memory_policy(root),
        **_status(root),
        **{name: _chosen(_text(root / path)) for name, path in _FILES.items()},
        **_limits(),
        **_variables(os.environ),
        **hashes(_code(root, programs)),
    }
    return {name: value for name, value in found.items() if value}


def _code(root: Path, programs: Iterable[Path]) -> list[Path]:
    return [*mapped(root), *(file for program in programs for file in (program, *needed(program)))]


def _cpu(root: Path) -> dict[str, str]:
    """Of the first CPU that /proc/cpuinfo shows."""
    first, _, _ = _text(root / "proc/cpuinfo").partition("\n\n")
    fields = {name.strip(): " ".join(value.split()) for name, _, value in (line.partition(":") for line in first.splitlines())}
    flags = fields.get("flags") or fields.get("Features", "")
    return {"cpu_model": host.cpu_model(root), "cpu_flags": flags, "microcode": fields.get("microcode", "")}


def _boot_options(root: Path) -> str:
    """Those that change a speed."""
    return " ".join(word for word in _text(root / "proc/cmdline").split() if _BOOT.match(word))


def _memory_policy(root: Path) -> str:
    """As numa_maps shows it of the program's own file, numa(7): `default`, `bind:1`. No more is read: the kernel counts pages."""
    try:
        with (root / "proc/self/numa_maps").open("rb", buffering=0) as file:
            first = file.read(_POLICY_BYTES).decode(errors="replace")
    except OSError:
        return ""
    return first.partition(" ")[2].partition(" file=")[0]


def _status(root: Path) -> dict[str, str]:
    lines = (line.partition(":") for line in _text(root / "proc/self/status").splitlines())
    return {_STATUS[name]: value.strip() for name, _, value in lines if name in _STATUS}


def _limits() -> dict[str, str]:
    """Soft ones; -1 is none."""
    return {f"limit_{name}": str(resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[0]) for name in _LIMITS}


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Those that runtimes, allocators and the loader read."""
    return {f"${name}": value for name, value in environment.items() if _VARIABLES.match(name)}


def _mitigations(root: Path) -> str:
    folder = root / "sys/devices/system/cpu/vulnerabilities"
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    states = {name: _text(folder / name) for name in names}
    return "; ".join(f"{name}: {state}" for name, state in states.items() if state != "Not affected")


def _chosen(text: str) -> str:
    """`madvise` of `always [madvise] never`."""
    return text.partition("[")[2].partition("]")[0] if "[" in text else text


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
