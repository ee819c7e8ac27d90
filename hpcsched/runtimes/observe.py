"""What the kernel shows of a container, from its supervisor's /proc entry and control groups."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hpcsched.errors import ContainerGone
from hpcsched.hardware import cgroup_figures as figures
from hpcsched.hardware import cgroup_partition as partitions
from hpcsched.hardware import host
from hpcsched.hardware.cgroup_layout import Layout
from hpcsched.hardware.drivers import loaded_drivers
from hpcsched.hardware.hugepages import page_sizes
from hpcsched.model.container import Observed, Rlimit
from hpcsched.model.idset import IdSet

_LIMIT_NAMES = {
    "Max cpu time": "cpu",
    "Max file size": "fsize",
    "Max data size": "data",
    "Max stack size": "stack",
    "Max core file size": "core",
    "Max resident set": "rss",
    "Max processes": "nproc",
    "Max open files": "nofile",
    "Max locked memory": "memlock",
    "Max address space": "as",
    "Max file locks": "locks",
    "Max pending signals": "sigpending",
    "Max msgqueue size": "msgqueue",
    "Max nice priority": "nice",
    "Max realtime priority": "rtprio",
    "Max realtime timeout": "rttime",
}
_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
_ENDED = frozenset({errno.ENOENT, errno.ESRCH, errno.EINVAL})
"""What /proc says of a process that ends meanwhile; the last one of the mounts of one that nobody has waited for yet."""


def observe(pid: int, runtime: str, layout: Layout, group: str) -> Observed:
    """`group`: the one with the limits, relative to the mounts. Raises ContainerGone."""
    with _living(pid):
        seen = _observe(Path("/proc") / str(pid), pid, runtime, layout)
        return replace(seen, partition=partitions.observed(layout, group))


def group_of(pid: int, controller: str, layout: Layout) -> Path | None:
    """The folder of the control group that the process is in, None without that controller. Raises ContainerGone."""
    with _living(pid):
        return figures.folder_of(controller, Path(f"/proc/{pid}/cgroup").read_text(), layout)


@contextmanager
def _living(pid: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _ENDED:
            raise
        raise ContainerGone(f"process {pid}, the container's supervisor, is gone") from None


def _observe(proc: Path, pid: int, runtime: str, layout: Layout) -> Observed:
    status = _status((proc / "status").read_text())
    groups = (proc / "cgroup").read_text()
    return Observed(
        runtime=runtime,
        cpus=IdSet.parse(status["Cpus_allowed_list"]),
        mems=IdSet.parse(status["Mems_allowed_list"]),
        memory=_memory(groups, layout),
        cfs_quota=_quota(groups, layout),
        cgroup=str(figures.folder_of("cpuset", groups, layout) or ""),
        pid=pid,
        root=root_of((proc / "mountinfo").read_text()),
        rlimits=read_limits((proc / "limits").read_text()),
        devices=tuple(sorted(_devices(proc / "root/dev", "/dev"))),
        namespaces=tuple(name for name in _NAMESPACES if _own_namespace(proc, name)),
        capabilities=status.get("CapBnd", ""),
        seccomp=status.get("Seccomp", ""),
        speculation=status.get("Speculation_Store_Bypass", ""),
        kernel=host.kernel_version(),
        clock_source=host.clock_source(),
        thp=host.thp_mode(),
        governor=host.governor(),
        numa_balancing=host.numa_balancing(),
        pids_max=_pids(groups, layout),
        hugepages=_hugepages(groups, layout),
        drivers=loaded_drivers(),
    )


def _status(text: str) -> dict[str, str]:
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def _place(controller: str, groups: str, layout: Layout) -> tuple[Path, Path] | None:
    """The group that the process is in, and the mount of its hierarchy."""
    folder, hierarchy = figures.folder_of(controller, groups, layout), layout.find(controller)
    return (folder, hierarchy.mount) if folder and hierarchy else None


def _memory(groups: str, layout: Layout) -> int:
    place = _place("memory", groups, layout)
    return figures.memory_limit(*place) if place else 0


def _quota(groups: str, layout: Layout) -> bool:
    place = _place("cpu", groups, layout)
    return bool(place and figures.has_quota(*place))


def _pids(groups: str, layout: Layout) -> int:
    place = _place("pids", groups, layout)
    return figures.pids_limit(*place) if place else 0


def _hugepages(groups: str, layout: Layout) -> tuple[tuple[int, int], ...]:
    place = _place("hugetlb", groups, layout)
    return figures.hugepage_limits(*place, page_sizes()) if place else ()


def root_of(mountinfo: str) -> str:
    """Type and source of the mount on `/`; for an overlay, its lowest layer."""
    lines = [line for line in mountinfo.splitlines() if line.split()[4] == "/"]
    kind, source, *options = lines[-1].partition(" - ")[2].split(maxsplit=2) if lines else ("", "")
    layer = re.search(r"lowerdir=((?:\\.|[^,\\])*)", options[0]) if options else None
    return f"{kind} {layer[1] if layer else source}".strip()


def read_limits(text: str) -> tuple[Rlimit, ...]:
    """From /proc/PID/limits, proc(5)."""
    return tuple(
        Rlimit(name, _limit(values[0]), _limit(values[1]))
        for line in text.splitlines()
        for title, name in _LIMIT_NAMES.items()
        if line.startswith(f"{title} ")
        for values in [line[len(title) :].split()]
    )


def _limit(text: str) -> int:
    return -1 if text == "unlimited" else int(text)


def _own_namespace(proc: Path, name: str) -> bool:
    try:
        return os.readlink(proc / "ns" / name) != os.readlink(f"/proc/self/ns/{name}")
    except FileNotFoundError:
        return False


def _devices(folder: Path, shown: str) -> Iterator[str]:
    """Device nodes, terminals left out; no link is followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and entry.name not in ("pts", "shm", "mqueue"):
                yield from _devices(Path(entry.path), f"{shown}/{entry.name}")
            elif _is_device(entry):
                yield f"{shown}/{entry.name}"


def _is_device(entry: os.DirEntry[str]) -> bool:
    mode = entry.stat(follow_symlinks=False).st_mode
    return stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
