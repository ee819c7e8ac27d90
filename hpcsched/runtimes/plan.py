"""The plans that the launch helper carries out, as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcsched.model.container import ContainerSpec
from hpcsched.runtimes.confinement import INIT, Config
from hpcsched.runtimes.folder import Folder
from hpcsched.runtimes.rootfs import Step


@dataclass(frozen=True, slots=True)
class Placement:
    """`init`: the supervisor's file on the node. The rest are control groups, relative to the hierarchies' mounts.

    `payload`: the container's processes; `monitor`: LXC's; `pivot`: where the monitor goes to remove its own.
    """

    folder: Folder
    init: Path
    payload: str
    monitor: str
    pivot: str


def lxc_plan(place: Placement, config: Config, steps: list[Step]) -> dict[str, Any]:
    return {
        "kind": "lxc",
        "name": place.folder.name,
        "config_path": str(place.folder.path.parent),
        "pid_file": str(place.folder.launch_pid),
        "skipped_file": str(place.folder.skipped),
        "root": str(place.folder.path / "root"),
        "before": [{"kind": "tmpfs", "target": "/run/lxc", "options": "size=1m,mode=755"}],
        "mounts": steps,
        "config": [*_places(place), *config],
        "init": INIT,
    }


def _places(place: Placement) -> Config:
    return [
        ("lxc.rootfs.path", str(place.folder.path / "root")),
        ("lxc.log.file", str(place.folder.log)),
        ("lxc.log.level", "ERROR"),
        ("lxc.cgroup.dir.container", place.payload),
        ("lxc.cgroup.dir.monitor", place.monitor),
        ("lxc.cgroup.dir.monitor.pivot", place.pivot),
        ("lxc.mount.entry", f"{_escaped(place.init)} {INIT.lstrip('/')} none bind,ro,nosuid,nodev,create=file 0 0"),
    ]


def _escaped(path: Path) -> str:
    """As in fstab(5)."""
    return str(path).replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011")


def bare_plan(place: Placement, spec: ContainerSpec, join: list[Path], steps: list[Step]) -> dict[str, Any]:
    """`join`: the `cgroup.procs` files of the groups that the supervisor goes into. `steps`: none with the node's own root."""
    return {
        "kind": "bare",
        "pid_file": str(place.folder.launch_pid),
        "skipped_file": str(place.folder.skipped),
        "root": str(place.folder.path / "root"),
        "mounts": steps,
        "join": [str(path) for path in join],
        "rlimits": [[limit.resource, limit.soft, limit.hard] for limit in spec.rlimits],
        "init": str(place.init),
    }


def write_plan(folder: Folder, plan: dict[str, Any]) -> None:
    folder.plan.write_text(json.dumps(plan))
