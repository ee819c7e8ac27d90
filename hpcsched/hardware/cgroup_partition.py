"""cpuset partitions of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst, cpuset.cpus.partition).

Before Linux 6.7 the parent of a partition must be one as well. So our folder becomes a root partition of the CPUs of all groups
in it, as soon as one of them is to be a partition, and an ordinary member again when none is. Agents of one node share it: each
changes it under a lock on the folder.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hpcsched.hardware.cgroup import children, prepare
from hpcsched.hardware.cgroup_layout import FOLDER, Hierarchy, Layout, read
from hpcsched.hardware.cgroup_limits import MEMBER, PARTITION
from hpcsched.model.idset import IdSet

KINDS = (MEMBER, "root", "isolated")


def unified_cpuset(layout: Layout) -> Hierarchy | None:
    """The hierarchy in which partitions are; v1 has none."""
    hierarchy = layout.find("cpuset")
    return hierarchy if hierarchy and hierarchy.version == 2 else None


@contextmanager
def widened(layout: Layout, cpus: IdSet, kind: str) -> Iterator[None]:
    """Within it a group of those CPUs can be made in our folder, as a partition of that kind or a member. Raises OSError."""
    hierarchy = unified_cpuset(layout)
    if hierarchy is None:
        yield
        return
    prepare(hierarchy)
    with locked(hierarchy.mount / FOLDER) as folder:
        if kind != MEMBER or own_cpus(folder):
            _cover(folder, _cpus_within(folder) | cpus)
        if kind != MEMBER:
            _write(folder / PARTITION, "root")
        yield


def narrow(layout: Layout) -> None:
    """After a group has gone: our folder keeps the CPUs of the others, or is a member again when no partition is left.

    A member has its parent's CPUs again when nothing runs in it: before, the kernel refuses that (ENOSPC).
    """
    hierarchy = unified_cpuset(layout)
    if hierarchy is None or not own_cpus(hierarchy.mount / FOLDER):
        return
    with suppress(FileNotFoundError), locked(hierarchy.mount / FOLDER) as folder:
        if any(_asks(child) for child in children(folder)):
            _cover(folder, _cpus_within(folder))
        else:
            _write(folder / PARTITION, MEMBER)
            _cover(folder, IdSet())


def observed(layout: Layout, path: str) -> str:
    """As the kernel shows it for the group, with the reason when it is invalid; our folder's too, where it is at fault."""
    hierarchy = unified_cpuset(layout)
    if hierarchy is None:
        return ""
    own, folder = read(hierarchy.mount / path / PARTITION), read(hierarchy.mount / FOLDER / PARTITION)
    return f"{own}; {FOLDER}: {folder}" if "invalid" in own and "invalid" in folder else own


def own_cpus(folder: Path) -> IdSet:
    """Those written to the group; empty where it has all of its parent's."""
    return IdSet.parse(read(folder / "cpuset.cpus"))


@contextmanager
def locked(folder: Path) -> Iterator[Path]:
    """Alone with the folder that has this name now. Raises FileNotFoundError."""
    while True:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(lock), os.stat(folder)):
                yield folder
                return
        finally:
            os.close(lock)


def _cpus_within(folder: Path) -> IdSet:
    mask = 0
    for child in children(folder):
        mask |= own_cpus(child).mask
    return IdSet(mask)


def _asks(child: Path) -> bool:
    return read(child / PARTITION).split(" ")[0] not in ("", MEMBER)


def _cover(folder: Path, cpus: IdSet) -> None:
    """Not written where nothing changes: each write visits the processes below."""
    if own_cpus(folder) != cpus:
        _write(folder / "cpuset.cpus", f"{cpus}\n")


def _write(path: Path, text: str) -> None:
    """A kernel that refuses says so in what is read back."""
    with suppress(OSError):
        path.write_text(text)
