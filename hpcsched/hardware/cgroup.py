"""Our control groups: made, limited, killed whole, removed.

Limits are on a container's own group; its processes run in a group below it, so that nothing inside can lift them.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from pathlib import Path

from hpcsched.errors import RuntimeFailure
from hpcsched.hardware.cgroup_layout import FOLDER, MONITORS, Hierarchy, Layout, read
from hpcsched.hardware.cgroup_limits import Write

PAYLOAD = "payload"
_REMOVED = frozenset({errno.ENOENT, errno.ENODEV})
"""Of a group that is taken away; the second one for who has found or opened it before."""
NEEDED = ("cpuset", "memory", "pids", "freezer", "devices", "cpuacct", "name=systemd")
"""In a hybrid systemd goes by v2, otherwise by its own hierarchy: a job that it found in the agent's unit would end with that."""


class Cgroup:
    """The group `name` of one of our folders, in every hierarchy. All calls may be repeated."""

    def __init__(self, layout: Layout, name: str, within: str = FOLDER) -> None:
        self.layout, self.name, self._within = layout, name, within

    @property
    def path(self) -> str:
        """Relative to each hierarchy's mount."""
        return f"{self._within}/{self.name}"

    def places(self) -> Iterator[tuple[Path, Path]]:
        """Each hierarchy's mount, and the group's folder in it, where there is one."""
        for hierarchy in self.layout.hierarchies:
            folder = hierarchy.mount / self.path
            if folder.is_dir():
                yield hierarchy.mount, folder

    def folders(self) -> Iterator[Path]:
        return (folder for _, folder in self.places())

    def exists(self) -> bool:
        return next(self.folders(), None) is not None

    def create(self, writes: Sequence[Write]) -> None:
        """Make the group in each hierarchy that limits, counts or tells systemd whose a process is, and write the limits.

        Raises RuntimeFailure.
        """
        needed = {*NEEDED, *(write.controller for write in writes)}
        try:
            for hierarchy in self.layout.hierarchies:
                if hierarchy.version == 2 or hierarchy.controllers & needed:
                    self._make(hierarchy, needed)
            for write in writes:
                _write(write)
        except OSError as error:
            raise RuntimeFailure(f"cannot make the control group {self.path}: {error.strerror}: {error.filename}") from None

    def _make(self, hierarchy: Hierarchy, needed: set[str]) -> None:
        """Again, should another agent have removed our empty folder just now."""
        for last in (False, True):
            try:
                prepare(hierarchy, needed)
                (hierarchy.mount / self.path).mkdir(exist_ok=True)
                self._apart(hierarchy)
                return
            except OSError as error:
                if last or error.errno not in _REMOVED:
                    raise

    def _apart(self, hierarchy: Hierarchy) -> None:
        """The processes below get a cpuset of their own: those in a partition itself lose the affinity that they have set when
        another partition is made beside it (seen with Linux 6.1).
        """
        if hierarchy.version == 2:
            _enable(hierarchy.mount / self.path, hierarchy.controllers & {"cpuset"})

    def payload(self) -> list[Path]:
        """Make the group below that processes join by hand (bare metal); returns its `cgroup.procs` files."""
        files = []
        for folder in self.folders():
            inner = folder / PAYLOAD
            inner.mkdir(exist_ok=True)
            _inherit_cpuset(inner)
            files.append(inner / "cgroup.procs")
        return files

    def pids(self) -> set[int]:
        """Of all processes in the group and below."""
        return {pid for folder in self.folders() for part in tree(folder) for pid in _pids(part)}

    def kill(self, deadline_s: float = 10.0) -> None:
        """SIGKILL the whole tree, also what forks meanwhile, and wait for it to be gone. Raises RuntimeFailure."""
        until = time.monotonic() + deadline_s
        while self.pids():
            if time.monotonic() > until:
                raise RuntimeFailure(f"processes in {self.path} do not die (uninterruptible I/O?): {sorted(self.pids())[:5]}")
            self._kill_once()
            self._wait_empty(0.5)

    def _kill_once(self) -> None:
        for folder in self.folders():
            if (folder / "cgroup.kill").exists():
                _write(Write(folder / "cgroup.kill", "1", optional=True))
        with self._frozen():
            for pid in self.pids():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _wait_empty(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self.pids() and time.monotonic() < until:
            time.sleep(0.0005)

    def _frozen(self) -> _Frozen:
        """Nothing inside can fork while it is killed."""
        hierarchy = self.layout.find("freezer")
        v1 = hierarchy is not None and hierarchy.version == 1
        return _Frozen(hierarchy.mount / self.path / "freezer.state" if hierarchy and v1 else None)

    def freeze(self, frozen: bool, deadline_s: float = 10.0) -> None:
        """Stop all processes in the group and below, or let them go on; returns when they have. Raises RuntimeFailure.

        v1 may be slow to freeze what is being ptraced or in uninterruptible I/O; asking again helps (freezer-subsystem.txt).
        """
        until = time.monotonic() + deadline_s
        try:
            while self.frozen != frozen or not self._settled(frozen):
                if time.monotonic() > until:
                    raise RuntimeFailure(f"processes in {self.path} do not {'stop' if frozen else 'go on'}: uninterruptible I/O?")
                self._ask_freezer(frozen)
                self._wait_settled(frozen)
        except OSError as error:
            raise RuntimeFailure(f"cannot freeze the control group {self.path}: {error.strerror}: {error.filename}") from None

    @property
    def frozen(self) -> bool:
        """Asked to be, whether or not all of them have stopped yet."""
        folder, version = self._freezer()
        return read(folder / "cgroup.freeze") == "1" if version == 2 else read(folder / "freezer.state") in ("FREEZING", "FROZEN")

    def _freezer(self) -> tuple[Path, int]:
        """The group's folder with the freezer, and that hierarchy's version. Raises RuntimeFailure."""
        hierarchy = self.layout.find("freezer")
        if hierarchy is None:
            raise RuntimeFailure("this node has no freezer control group, so jobs cannot be suspended; mount it")
        return hierarchy.mount / self.path, hierarchy.version

    def _ask_freezer(self, frozen: bool) -> None:
        folder, version = self._freezer()
        if version == 2:
            return _write(Write(folder / "cgroup.freeze", "1" if frozen else "0"))
        return _write(Write(folder / "freezer.state", "FROZEN" if frozen else "THAWED"))

    def _settled(self, frozen: bool) -> bool:
        folder, version = self._freezer()
        if version == 2:
            return f"frozen {frozen:d}" in read(folder / "cgroup.events").splitlines()
        return read(folder / "freezer.state") == ("FROZEN" if frozen else "THAWED")

    def _wait_settled(self, frozen: bool, seconds: float = 0.1) -> None:
        until = time.monotonic() + seconds
        while not self._settled(frozen) and time.monotonic() < until:
            time.sleep(0.001)

    def remove(self) -> None:
        """Kill what is inside and take the group away from every hierarchy. Raises RuntimeFailure."""
        self.kill()
        for folder in self.folders():
            for part in sorted(tree(folder), key=lambda part: -len(part.parts)):
                _rmdir(part)


class _Frozen:
    """v1's freezer, thawed again whatever happens."""

    def __init__(self, state: Path | None) -> None:
        self._state = state

    def __enter__(self) -> None:
        if self._state:
            _write(Write(self._state, "FROZEN", optional=True))

    def __exit__(self, *_error: object) -> None:
        if self._state:
            _write(Write(self._state, "THAWED", optional=True))


def remove_folder(layout: Layout) -> None:
    """Our folders themselves, wherever nothing is in them."""
    for hierarchy in layout.hierarchies:
        for folder in (FOLDER, MONITORS):
            with suppress(OSError):
                (hierarchy.mount / folder).rmdir()


def names(layout: Layout) -> set[str]:
    """Of all groups in our folders."""
    places = [one.mount / folder for one in layout.hierarchies for folder in (FOLDER, MONITORS)]
    return {group.name for place in places for group in children(place)}


def prepare(hierarchy: Hierarchy, needed: Set[str] = frozenset(NEEDED)) -> None:
    """Our folder, in which groups with those controllers can be made. Raises OSError."""
    folder = hierarchy.mount / FOLDER
    folder.mkdir(exist_ok=True)
    if hierarchy.version == 2:
        for parent in (hierarchy.mount, folder):
            _enable(parent, hierarchy.controllers & needed)
    else:
        _inherit_cpuset(folder)
        _write(Write(folder / "cgroup.clone_children", "1", optional=True))


def _enable(folder: Path, controllers: Set[str]) -> None:
    enabled = read(folder / "cgroup.subtree_control").split()
    for name in sorted(controllers & set(read(folder / "cgroup.controllers").split()) - set(enabled)):
        _write(Write(folder / "cgroup.subtree_control", f"+{name}"))


def _inherit_cpuset(folder: Path) -> None:
    """A new v1 cpuset is empty, and an empty one takes no process (cpuset(7))."""
    for file in ("cpuset.cpus", "cpuset.mems"):
        if (folder / "cgroup.clone_children").exists() and (folder / file).exists() and not read(folder / file):
            _write(Write(folder / file, read(folder.parent / file)))


def tree(folder: Path) -> Iterator[Path]:
    """The group and all below it."""
    yield folder
    for child in children(folder):
        yield from tree(child)


def children(folder: Path) -> Iterator[Path]:
    """Groups directly below; none where it is gone."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    yield from (Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))


def _pids(folder: Path) -> list[int]:
    return [int(line) for line in read(folder / "cgroup.procs").split()]


def _rmdir(folder: Path, deadline_s: float = 2.0) -> None:
    """A group stays busy for a moment after its last process."""
    until = time.monotonic() + deadline_s
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if time.monotonic() > until:
                raise RuntimeFailure(f"cannot remove the control group {folder}: {error.strerror}") from None
            time.sleep(0.0005)
        else:
            return


def _write(write: Write) -> None:
    try:
        write.path.write_text(write.text)
    except OSError:
        if not write.optional:
            raise
