"""Errors that the hardware has counted, by what counts them. Only that a number rises means anything.

`root` is where /proc and /sys are found; another folder stands in for it in tests.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from hpcsched.hardware.cgroup_layout import read

ROOT = Path("/")
NVIDIA = ("nvidia-smi", "--query-gpu=pci.bus_id,ecc.errors.uncorrected.volatile.total", "--format=csv,noheader,nounits")
DEADLINE_S = 10.0
_POISONED = re.compile(r"^HardwareCorrupted:\s+(\d+) kB$", re.MULTILINE)
_FATAL = re.compile(r"^TOTAL_ERR_FATAL (\d+)$", re.MULTILINE)
_UNCORRECTED = re.compile(r"^ue: (\d+)$", re.MULTILINE)

Counts = dict[str, int]


def memory_errors(root: Path = ROOT) -> Counts:
    """Uncorrected errors by memory controller (EDAC, Documentation/admin-guide/ras.rst), and kB of pages given up (proc(5))."""
    files = sorted((root / "sys/devices/system/edac/mc").glob("mc[0-9]*/ue_count"))
    found = {f"uncorrected errors of memory controller {file.parent.name}": _number(read(file)) for file in files}
    poisoned = _POISONED.search(read(root / "proc/meminfo"))
    return {**found, **({"kB of memory that the kernel gave up": int(poisoned[1])} if poisoned else {})}


def link_errors(addresses: Iterable[str], root: Path = ROOT) -> Counts:
    """Fatal errors by PCI function (AER, Documentation/ABI/testing/sysfs-bus-pci-devices-aer_stats)."""
    texts = ((address, read(root / "sys/bus/pci/devices" / address / "aer_dev_fatal")) for address in addresses)
    return {f"fatal PCI errors of {address}": int(match[1]) for address, text in texts if (match := _FATAL.search(text))}


def machine_checks(root: Path = ROOT) -> Counts:
    """Machine check exceptions, all CPUs together; reading it takes milliseconds on a large machine."""
    line = next((line for line in read(root / "proc/interrupts").splitlines() if line.lstrip().startswith("MCE:")), "")
    counts = [int(word) for word in line.split() if word.isdigit()]
    return {"machine check exceptions": sum(counts)} if counts else {}


def amd_errors(addresses: Iterable[str], root: Path = ROOT) -> Counts:
    """Uncorrected errors by GPU, all blocks together (amdgpu's RAS, Documentation/gpu/amdgpu/ras.rst)."""
    folders = ((address, root / "sys/bus/pci/devices" / address / "ras") for address in addresses)
    return {f"uncorrected errors of GPU {address}": sum(_uncorrected(folder)) for address, folder in folders if folder.is_dir()}


def nvidia_errors(command: tuple[str, ...] = NVIDIA, deadline_s: float = DEADLINE_S) -> Counts:
    """Uncorrected ECC errors by GPU since its driver was loaded; none for a GPU without ECC, or without the tool.

    Raises TimeoutError when the driver does not answer.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=deadline_s, check=False)
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{command[0]} did not answer within {deadline_s:g} s") from None
    except OSError:
        return {}
    pairs = (line.rpartition(",")[::2] for line in done.stdout.splitlines())
    return {f"uncorrected errors of GPU {gpu.strip()}": int(text) for gpu, text in pairs if text.strip().isdigit()}


def risen(before: Counts, now: Counts) -> Iterator[str]:
    """A sentence for each; what was not counted before is taken as it is."""
    for what, count in now.items():
        if count > before.get(what, count):
            yield f"{count - before[what]} {what} since the agent started"


def _uncorrected(folder: Path) -> Iterator[int]:
    return (int(match[1]) for file in sorted(folder.glob("*_err_count")) if (match := _UNCORRECTED.search(read(file))))


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
