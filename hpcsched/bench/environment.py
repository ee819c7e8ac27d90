"""The fingerprint of what a benchmark ran in: taken inside each sample, compared between the arms."""

from __future__ import annotations

import os
import platform
import resource
from pathlib import Path

from hpcsched.hardware import host

_STATUS = {
    "Cpus_allowed_list": "cpus",
    "Mems_allowed_list": "mems",
    "CapEff": "capabilities",
    "Seccomp": "seccomp",
    "NoNewPrivs": "no_new_privs",
    "Speculation_Store_Bypass": "speculation_store_bypass",
    "SpeculationIndirectBranch": "speculation_indirect_branch",
    "THP_enabled": "thp_allowed",
}
_FILES = {
    "thp_defrag": "sys/kernel/mm/transparent_hugepage/defrag",
    "smt": "sys/devices/system/cpu/smt/control",
    "turbo_off": "sys/devices/system/cpu/intel_pstate/no_turbo",
    "boost": "sys/devices/system/cpu/cpufreq/boost",
    "aslr": "proc/sys/kernel/randomize_va_space",
    "hugepages": "proc/sys/vm/nr_hugepages",
}
OF_THE_CONTAINER = frozenset(
    {
        "seccomp",
        "no_new_privs",
        "speculation_store_bypass",
        "speculation_indirect_branch",
        "capabilities",
        "limit_memlock",
        "limit_stack",
        "limit_nofile",
    }
)
"""What a container may bring by itself: a difference there is part of what is measured, and is named. Any other one means that
the arms were not alike."""


def collect(root: Path = Path("/")) -> dict[str, str]:
    """Names to values as the kernel writes them; a name is left out where the kernel has no such file.

    The boot id is not among them: liblxc gives each container its own.
    """
    found = {
        "kernel": host.kernel_version(root),
        "cpu_model": host.cpu_model(root),
        "clock_source": host.clock_source(root),
        "thp": host.thp_mode(root),
        "governor": host.governor(root),
        "numa_balancing": host.numa_balancing(root),
        "libc": " ".join(platform.libc_ver()),
        "python": platform.python_version(),
        "mitigations": _mitigations(root),
        "scheduling": f"policy {os.sched_getscheduler(0)} nice {os.getpriority(os.PRIO_PROCESS, 0)}",
        **_status(root),
        **{name: _chosen(_text(root / path)) for name, path in _FILES.items()},
        **_limits(),
    }
    return {name: value for name, value in found.items() if value}


def _status(root: Path) -> dict[str, str]:
    lines = (line.partition(":") for line in _text(root / "proc/self/status").splitlines())
    return {_STATUS[name]: value.strip() for name, _, value in lines if name in _STATUS}


def _limits() -> dict[str, str]:
    wanted = {"memlock": resource.RLIMIT_MEMLOCK, "stack": resource.RLIMIT_STACK, "nofile": resource.RLIMIT_NOFILE}
    return {f"limit_{name}": str(resource.getrlimit(number)[0]) for name, number in wanted.items()}


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
