"""Settings of the node that a tuning changes: where each is, how it reads, what it should be.

`root` is where /proc and /sys are found; another folder stands in for it in tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpcsched.config import Tuning
from hpcsched.errors import InvalidValue
from hpcsched.hardware.cgroup_layout import read
from hpcsched.model.idset import IdSet

ROOT = Path("/")
IRQ_AFFINITY = "irq_affinity"
ABSENT = {
    "governor": "no cpufreq",
    "transparent_hugepage": "the kernel has no transparent huge pages",
    "numa_balancing": "the kernel has no NUMA balancing",
    "perf_event_paranoid": "the kernel has no perf events",
    IRQ_AFFINITY: "no interrupt can be moved",
}
_FILES = {
    "transparent_hugepage": "sys/kernel/mm/transparent_hugepage/enabled",
    "numa_balancing": "proc/sys/kernel/numa_balancing",
    "perf_event_paranoid": "proc/sys/kernel/perf_event_paranoid",
}
_CHOSEN = re.compile(r"\[([^\]\s]+)\]")


@dataclass(frozen=True, slots=True)
class Knob:
    """One file of the kernel, which exists, and what a job wants in it; for an interrupt, the CPUs that it shall not go to."""

    setting: str
    path: Path
    wish: str


def value(path: Path) -> str:
    """What is in force: the word in brackets where the file lists the choices. Empty when it cannot be read."""
    text = read(path)
    chosen = _CHOSEN.search(text)
    return chosen[1] if chosen else text


def knobs(tuning: Tuning, cpus: IdSet, root: Path = ROOT) -> list[Knob]:
    """All that the tuning asks for and the node has; `cpus` are the job's."""
    plain = ((name, root / file, getattr(tuning, name)) for name, file in _FILES.items())
    found = [Knob(name, path, str(wish)) for name, path, wish in plain if wish is not None and path.exists()]
    if tuning.governor is not None:
        found += [Knob("governor", path, tuning.governor) for path in _governors(cpus, root)]
    if tuning.irq_affinity is not None and online(root) - cpus:
        found += [Knob(IRQ_AFFINITY, path, str(cpus)) for path in _interrupts(root)]
    return found


def asked(tuning: Tuning) -> dict[str, str]:
    """Each setting that the tuning changes, and what is asked for."""
    names = (*_FILES, "governor", IRQ_AFFINITY)
    return {name: str(wish) for name in names if (wish := getattr(tuning, name)) is not None}


def target(setting: str, before: str, wishes: Sequence[str], everywhere: IdSet) -> str:
    """What a file should hold while these jobs want it, the oldest first, which decides; none: what it was before.

    An interrupt stays away from the CPUs of all of them, also if it has to go where it could not go before.
    """
    if not wishes:
        return before
    if setting != IRQ_AFFINITY:
        return wishes[0]
    avoided = IdSet()
    for wish in wishes:
        avoided = avoided | IdSet.parse(wish)
    return str((cpu_list(before) - avoided) or (everywhere - avoided) or cpu_list(before))


def concerns(knob: Knob, now: str) -> bool:
    """The knob must be turned; an interrupt that does not go to the job's CPUs is left alone."""
    return knob.setting != IRQ_AFFINITY or not cpu_list(now).isdisjoint(IdSet.parse(knob.wish))


def online(root: Path = ROOT) -> IdSet:
    """The PUs that run."""
    return cpu_list(read(root / "sys/devices/system/cpu/online"))


def cpu_list(text: str) -> IdSet:
    """Empty for what is no list of CPUs."""
    try:
        return IdSet.parse(text)
    except InvalidValue:
        return IdSet()


def interrupt(path: Path) -> str:
    """Its number and who has it, as `36 virtio1-req.0`; a folder beside its affinity is named after each user."""
    try:
        users = sorted(entry.name for entry in path.parent.iterdir() if entry.is_dir())
    except OSError:
        users = []
    return " ".join([path.parent.name, ",".join(users)]).strip()


def _governors(cpus: IdSet, root: Path) -> list[Path]:
    """One file for each cpufreq policy, which several CPUs may share (Documentation/admin-guide/pm/cpufreq.rst)."""
    folders = (root / f"sys/devices/system/cpu/cpu{cpu}/cpufreq" for cpu in cpus)
    return sorted({folder.resolve() / "scaling_governor" for folder in folders if (folder / "scaling_governor").exists()})


def _interrupts(root: Path) -> Iterator[Path]:
    """Documentation/core-api/irq/irq-affinity.rst."""
    yield from sorted((root / "proc/irq").glob("[0-9]*/smp_affinity_list"), key=lambda path: int(path.parent.name))
