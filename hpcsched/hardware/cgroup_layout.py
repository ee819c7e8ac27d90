"""Control groups as data: where they are, v1 (a hierarchy for each controller), v2 and hybrid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from hpcsched.errors import Unsupported

FOLDER = "hpcsched"
"""The groups of all containers lie in it, in every hierarchy."""
MONITORS = "hpcsched.monitor"
"""Processes beside containers that are partitions: those leave no CPU to others in their folder."""
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted hierarchy; `controllers` are the kernel's names, and `name=systemd` and the like."""

    mount: Path
    version: int
    controllers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Layout:
    """All hierarchies of a node, v1 before v2: a controller that v1 holds is not in v2."""

    hierarchies: tuple[Hierarchy, ...]

    def find(self, controller: str) -> Hierarchy | None:
        return next((one for one in self.hierarchies if controller in one.controllers), None)

    @property
    def unified(self) -> Hierarchy | None:
        return next((one for one in self.hierarchies if one.version == 2), None)


def read_layout(mountinfo: str, root: Path = Path("/")) -> Layout:
    """From /proc/self/mountinfo (proc(5)); the mounts are looked up beneath `root`.

    Raises Unsupported without cpuset or memory.
    """
    found = [one for line in mountinfo.splitlines() if (one := _hierarchy(line, root))]
    latest = {one.mount: one for one in found}
    layout = Layout(tuple(sorted(latest.values(), key=lambda one: (one.version, str(one.mount)))))
    for controller in ("cpuset", "memory"):
        if layout.find(controller) is None:
            raise Unsupported(f"the kernel offers no {controller} cgroup; mount it, or boot without cgroup_disable={controller}")
    return layout


def _hierarchy(line: str, root: Path) -> Hierarchy | None:
    head, dash, tail = line.partition(" - ")
    fields, kind = head.split(), tail.split()
    if not dash or len(fields) < 5 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
        return None
    mount = root / _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4]).lstrip("/")
    if kind[0] == "cgroup2":
        return Hierarchy(mount, 2, _v2_controllers(mount))
    options = frozenset(kind[2].split(",")) - {"rw", "ro", "xattr", "clone_children"}
    return Hierarchy(mount, 1, options)


def _v2_controllers(mount: Path) -> frozenset[str]:
    """With those that v2 has without a name for them: kill and freeze, CPU time, device programs."""
    names = read(mount / "cgroup.controllers").split()
    return frozenset(names) | ({"freezer", "cpuacct", "devices"} if "memory" in names else set())


def read(path: Path) -> str:
    """The file without white space around it, what is not UTF-8 replaced; empty when it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
