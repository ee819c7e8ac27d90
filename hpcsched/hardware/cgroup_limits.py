"""What a limit writes where, as data: v1 (a hierarchy for each controller), v2 and hybrid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hpcsched.errors import Unsupported
from hpcsched.hardware.cgroup_layout import FOLDER, Hierarchy, Layout
from hpcsched.model.allocation import HugePages
from hpcsched.model.idset import IdSet

PARTITION = "cpuset.cpus.partition"
MEMBER = "member"
"""Of a cpuset partition: none of its own."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory` in bytes, `pids` processes and threads (0: none). `hugepages`: page size and limit, both in bytes.

    `partition`: as cpuset.cpus.partition takes it, v2 only.
    """

    cpus: IdSet
    mems: IdSet
    memory: int = 0
    pids: int = 0
    hugepages: tuple[tuple[int, int], ...] = ()
    partition: str = MEMBER


@dataclass(frozen=True, slots=True)
class Write:
    """`text` into `path`. An `optional` file may be missing, or refuse."""

    path: Path
    text: str
    optional: bool = False

    @property
    def controller(self) -> str:
        """The kernel begins the names of files with it."""
        return self.path.name.partition(".")[0]


def limit_writes(layout: Layout, name: str, limits: Limits) -> list[Write]:
    """What puts `limits` on the group `name`, in order. Raises Unsupported for huge pages without their control group."""
    return [
        *_cpuset_writes(layout, name, limits),
        *_memory_writes(layout, name, limits.memory),
        *_pids_writes(layout, name, limits.pids),
        *_hugepage_writes(layout, name, limits.hugepages),
    ]


def _folder(hierarchy: Hierarchy, name: str) -> Path:
    return hierarchy.mount / FOLDER / name


def _cpuset_writes(layout: Layout, name: str, limits: Limits) -> list[Write]:
    hierarchy = layout.find("cpuset")
    if hierarchy is None:
        return []
    folder = _folder(hierarchy, name)
    pinned = [Write(folder / "cpuset.mems", str(limits.mems)), Write(folder / "cpuset.cpus", str(limits.cpus))]
    alone = hierarchy.version == 2 and limits.partition != MEMBER
    return [*pinned, Write(folder / PARTITION, limits.partition, optional=True)] if alone else pinned


def _memory_writes(layout: Layout, name: str, memory: int) -> list[Write]:
    hierarchy = layout.find("memory")
    if hierarchy is None or memory <= 0:
        return []
    folder = _folder(hierarchy, name)
    if hierarchy.version == 2:
        return [Write(folder / "memory.max", str(memory)), Write(folder / "memory.swap.max", "0", optional=True)]
    both = folder / "memory.memsw.limit_in_bytes"
    return [Write(folder / "memory.limit_in_bytes", str(memory)), Write(both, str(memory), optional=True)]


def _pids_writes(layout: Layout, name: str, pids: int) -> list[Write]:
    hierarchy = layout.find("pids")
    return [Write(_folder(hierarchy, name) / "pids.max", str(pids))] if hierarchy and pids > 0 else []


def _hugepage_writes(layout: Layout, name: str, hugepages: tuple[tuple[int, int], ...]) -> list[Write]:
    """Of what is used and, since Linux 5.7, of what is reserved: above that mmap(2) fails, where a first touch would kill."""
    if not hugepages:
        return []
    hierarchy = layout.find("hugetlb")
    if hierarchy is None:
        raise Unsupported("the kernel offers no hugetlb cgroup, so huge pages cannot be limited; ask for none, or mount it")
    word = "max" if hierarchy.version == 2 else "limit_in_bytes"
    files = [(_folder(hierarchy, name), f"hugetlb.{page_name(size)}", limit) for size, limit in hugepages]
    used = [Write(folder / f"{stem}.{word}", str(limit)) for folder, stem, limit in files]
    reserved = [Write(folder / f"{stem}.rsvd.{word}", str(limit), optional=True) for folder, stem, limit in files]
    return [*used, *reserved]


def page_name(size: int) -> str:
    """As the kernel names a page size in bytes in its files: `64KB`, `2MB`, `1GB`."""
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB")):
        if size >= unit:
            return f"{size // unit}{name}"
    return f"{size // 1024}KB"


def hugepage_limits(granted: Iterable[HugePages], sizes: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Bytes of each page size: those of a kernel with `sizes` that were not granted are 0. Empty where none was granted."""
    limits: dict[int, int] = {}
    for part in granted:
        limits[part.size] = limits.get(part.size, 0) + part.size * part.count
    return tuple(sorted({**dict.fromkeys(sizes, 0), **limits}.items())) if any(limits.values()) else ()


def device_writes(layout: Layout, name: str, allowed: Iterable[str]) -> list[Write]:
    """v1 only, entries as in `devices.allow`; under v2 the runtime attaches a program."""
    hierarchy = layout.find("devices")
    if hierarchy is None or hierarchy.version == 2:
        return []
    folder = _folder(hierarchy, name)
    return [Write(folder / "devices.deny", "a"), *(Write(folder / "devices.allow", entry) for entry in allowed)]
