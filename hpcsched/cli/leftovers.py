"""What a stopped `hpcsched up` must not leave: looked for in the kernel, not asked of the daemons."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path("/")
OURS = "hpcsched"
"""The control group below which all jobs of this node have theirs."""


def leftovers(state: Path, cgroups: Iterable[str], root: Path = ROOT) -> list[str]:
    """A line for each process that uses the folder, each mount of it, and each control group of jobs that is still there.

    `cgroups`: as in `Observed.cgroup`, `/sys/fs/cgroup/.../hpcsched/NAME/...`; NAME is looked for in every hierarchy.
    """
    return [*_processes(state, root), *_mounts(state, root), *_groups(cgroups, root)]


def _processes(state: Path, root: Path) -> Iterator[str]:
    for entry in sorted(root.glob("proc/[0-9]*")):
        if entry.name != str(os.getpid()) and _uses(entry, str(state)):
            words = _text(entry / "cmdline").replace("\0", " ").strip()
            yield f"process {entry.name}: {words or _text(entry / 'comm').strip()}"


def _uses(process: Path, state: str) -> bool:
    """By its command line, its open files, its working directory or its mounts."""
    if state in _text(process / "cmdline") or state in _text(process / "mountinfo"):
        return True
    links = [process / "cwd", process / "root", *_entries(process / "fd")]
    return any(_target(link).startswith(state) for link in links)


def _mounts(state: Path, root: Path) -> Iterator[str]:
    for line in _text(root / "proc/self/mountinfo").splitlines():
        if str(state) in line:
            yield f"mount {line.split()[4]}"


def _groups(cgroups: Iterable[str], root: Path) -> Iterator[str]:
    names = {name for path in cgroups if (name := _job_group(path))}
    for folder, below, _ in os.walk(root / "sys/fs/cgroup"):
        below.sort()
        if folder.endswith(f"/{OURS}"):
            yield from (f"control group {folder}/{name}" for name in below if name in names)


def _job_group(path: str) -> str:
    """The part below ours; empty when there is none."""
    _, found, below = path.partition(f"/{OURS}/")
    return below.split("/")[0] if found else ""


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
