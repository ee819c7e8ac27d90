"""Which mounts make a container's root, as data for the launch helper. Pure: the node's mounts come in as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hpcsched.errors import RuntimeFailure
from hpcsched.model.container import Mount

Step = dict[str, Any]
"""`kind`: overlay (lower, upper, work), bind (source, read_only, recursive, as_is), tmpfs (options), hide.

All have a `target` and may be `optional`. `as_is`: with the attributes that it has on the node.
"""

_OCTAL = re.compile(r"\\([0-7]{3})")
_CGROUP = "/sys/fs/cgroup"
_KERNEL_FOLDERS = ("/dev", "/proc", "/run", "/sys")
_LOCAL = frozenset({"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "vfat", "xfs", "zfs"})
_PSEUDO = frozenset(
    {
        "autofs", "bpf", "binfmt_misc", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "fusectl",
        "hugetlbfs", "mqueue", "nsfs", "overlay", "proc", "pstore", "ramfs", "rpc_pipefs", "securityfs", "selinuxfs", "sysfs",
        "tmpfs", "tracefs",
    }
)  # fmt: skip
RUN_OPTIONS = "size=64m,mode=755"


@dataclass(frozen=True, slots=True)
class NodeMount:
    """A file system of the node: where it is mounted, and its type as in /proc/filesystems."""

    path: str
    kind: str


def node_mounts(mountinfo: str) -> list[NodeMount]:
    """Mounts under `/` that hold files, parents first: disks and network file systems, nothing that the kernel makes up."""
    found: dict[str, NodeMount] = {}
    for line in mountinfo.splitlines():
        head, _dash, tail = line.partition(" - ")
        path = _OCTAL.sub(lambda match: chr(int(match[1], 8)), head.split()[4])
        found[path] = NodeMount(path, tail.split()[0])
    return sorted((one for one in found.values() if _holds_files(one)), key=lambda one: one.path)


def _holds_files(mount: NodeMount) -> bool:
    return mount.path != "/" and mount.kind not in _PSEUDO and not any(is_beneath(mount.path, one) for one in _KERNEL_FOLDERS)


def is_beneath(path: str, folder: str) -> bool:
    """`path` is `folder` or lies in it; both absolute and normal."""
    return PurePosixPath(path).is_relative_to(folder)


@dataclass(frozen=True, slots=True)
class Root:
    """What a root is made of. `node` is empty for images that bring their own files.

    `groups`: mount of each cgroup hierarchy, and in it the container's own folder, which takes its place inside.
    """

    lower: Path
    folder: Path
    node: tuple[NodeMount, ...] = ()
    groups: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    hidden: frozenset[str] = frozenset()


def root_steps(root: Root) -> list[Step]:
    """The mounts on `folder/root`, in order.

    What is `hidden` stays hidden behind a job's mounts too. Raises RuntimeFailure for a mount that would show it.
    """
    hidden = _outermost(root.hidden)
    return [
        _image(root),
        *(_view(one, root.folder) for one in root.node if not any(is_beneath(one.path, path) for path in hidden)),
        _bind("/sys", "/sys", read_only=True),
        *_cgroup_view(root.groups),
        {"kind": "tmpfs", "target": "/run", "options": RUN_OPTIONS},
        *(_job_mount(mount, hidden) for mount in root.mounts),
        *({"kind": "hide", "target": path} for path in _all_hidden(root.mounts, hidden)),
    ]


def bare_root_steps(root: Root) -> list[Step]:
    """The same image as bare metal has it: what the kernel and the daemons of the node show is theirs, and nothing is hidden.

    Raises RuntimeFailure for a mount that would make something in a folder of the node.
    """
    for mount in root.mounts:
        if is_beneath(mount.target, "/run") and mount.source != mount.target:
            raise RuntimeFailure(
                f"bare metal has the node's own /run: choose another target than {mount.target}, or --runtime lxc"
            )
    own = ({**_bind(path, path, read_only=False), "recursive": True, "as_is": True} for path in _KERNEL_FOLDERS)
    return [_image(root), *own, *(_job_mount(mount, []) for mount in root.mounts)]


def _image(root: Root) -> Step:
    upper, work = (str(root.folder / name) for name in ("upper", "work"))
    return {"kind": "overlay", "target": "/", "lower": [str(root.lower)], "upper": upper, "work": work}


def _outermost(paths: frozenset[str]) -> list[str]:
    """Without those that lie in another one."""
    return sorted(path for path in paths if not any(path != other and is_beneath(path, other) for other in paths))


def _view(mount: NodeMount, folder: Path) -> Step:
    """Local file systems through a read-only overlay, which leads to none of the node's sockets; others as they are."""
    if mount.kind in _LOCAL:
        return {"kind": "overlay", "target": mount.path, "lower": [mount.path, str(folder / "empty")], "optional": True}
    return {**_bind(mount.path, mount.path, read_only=True), "optional": True}


def _cgroup_view(groups: tuple[tuple[str, str], ...]) -> list[Step]:
    """The group with the limits where programs look for the root of their hierarchy; all others are not there."""
    above = [] if any(mount == _CGROUP for mount, _ in groups) else [_bind(_CGROUP, _CGROUP, read_only=True)]
    return [*above, *(_bind(group, mount, read_only=True) for mount, group in groups if is_beneath(mount, _CGROUP))]


def _bind(source: str, target: str, read_only: bool) -> Step:
    return {"kind": "bind", "source": source, "target": target, "read_only": read_only}


def _job_mount(mount: Mount, hidden: list[str]) -> Step:
    for path in (mount.source, mount.target):
        if not path.startswith("/") or ".." in path.split("/") or "\0" in path:
            raise RuntimeFailure(f"mount path {path!r} is not absolute, or has '..' in it")
    for folder in hidden:
        if is_beneath(mount.source, folder):
            raise RuntimeFailure(f"mount source {mount.source} lies in {folder}, which belongs to the node's daemons")
    if mount.target.rstrip("/") == "" or any(is_beneath(mount.target, one) for one in ("/dev", "/proc", "/sys")):
        raise RuntimeFailure(f"mount target {mount.target} is taken: choose one outside /dev, /proc and /sys, and not /")
    return {**_bind(mount.source, mount.target, mount.read_only), "recursive": True}


def _all_hidden(mounts: tuple[Mount, ...], hidden: list[str]) -> list[str]:
    behind = [
        str(PurePosixPath(mount.target) / PurePosixPath(path).relative_to(mount.source))
        for mount in mounts
        for path in hidden
        if is_beneath(path, mount.source)
    ]
    return [*hidden, *behind]
