"""The node's files below a root that stands in for `/`: small texts, device nodes, links."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from hpcsched.model.container import DeviceNode

MAX_TEXT = 1 << 20
MAX_LINKS = 40
"""As many links as the kernel follows in one path (path_resolution(7))."""


class Tree:
    """Paths that go in and come out are absolute, as on the node."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def at(self, path: str) -> Path:
        """Where that path of the node lies here."""
        return self._root / path.lstrip("/")

    def text(self, path: str) -> str:
        """The stripped text of a small file; empty where there is none or it cannot be read."""
        try:
            with self.at(path).open("rb") as file:
                return file.read(MAX_TEXT).decode(errors="replace").strip()
        except OSError:
            return ""

    def number(self, path: str, missing: int = -1) -> int:
        try:
            return int(self.text(path), 0)
        except ValueError:
            return missing

    def fields(self, path: str) -> dict[str, str]:
        """Lines `name: value` or `name value`, as in /proc/driver/nvidia and in KFD's properties."""
        found = {}
        for line in self.text(path).splitlines():
            name, _, value = line.partition(":") if ":" in line else line.partition(" ")
            found[name.strip()] = value.strip()
        return found

    def names(self, folder: str) -> list[str]:
        """What lies in that folder, numbers in their names by value; empty where it is not one."""
        try:
            return sorted(os.listdir(self.at(folder)), key=natural)
        except OSError:
            return []

    def exists(self, path: str) -> bool:
        return self.at(self.resolved(path)).exists()

    def resolved(self, path: str) -> str:
        """With all symbolic links followed as on the node, also where the end of the way is missing."""
        todo, done, links = list(reversed(PurePosixPath(path).parts[1:])), PurePosixPath("/"), 0
        while todo:
            part = todo.pop()
            step = done.parent if part == ".." else done / part
            target = _link(self.at(str(step))) if links < MAX_LINKS else ""
            if not target:
                done = step
                continue
            links += 1
            done = PurePosixPath("/") if target.startswith("/") else done
            todo.extend(part for part in reversed(PurePosixPath(target).parts) if part != "/")
        return str(done)

    def node(self, path: str, access: str = "rw") -> DeviceNode | None:
        """The device node at that path, which is no link; None where there is none."""
        try:
            found = os.lstat(self.at(path))
        except OSError:
            return None
        if not (stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode)):
            return None
        kind = "c" if stat.S_ISCHR(found.st_mode) else "b"
        return DeviceNode(path, os.major(found.st_rdev), os.minor(found.st_rdev), kind, access)

    def nodes(self, folder: str, prefix: str = "") -> Iterator[DeviceNode]:
        """Character devices in that folder whose names begin so, and in folders of it that do."""
        for name in self.names(folder):
            path = f"{folder}/{name}"
            if not name.startswith(prefix):
                continue
            if self.at(path).is_dir() and not self.at(path).is_symlink():
                yield from self.nodes(path)
            elif (node := self.node(path)) and node.kind == "c":
                yield node


def natural(name: str) -> tuple[int | str, ...]:
    """A key by which `card10` comes after `card9`: text and numbers take turns."""
    return tuple(int(part) if place % 2 else part for place, part in enumerate(re.split(r"([0-9]+)", name)))


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
