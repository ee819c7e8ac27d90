"""What a job on bare metal can leave on its node beyond its control group: processes, POSIX and System V shared memory.

In a container all of them end with its namespaces. `root` is where /proc and /dev are found.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hpcsched.hardware.cgroup_layout import FOLDER, read

ROOT = Path("/")
MARK = "HPCSCHED_"
"""Variables that begin so tell whose a process is."""
OWN = ("HPCSCHED_CPUS", "HPCSCHED_GPUS")
"""Each task has others."""
_CLOCK_TICK_S = 0.05
"""File times come from a clock that moves in steps of up to 10 ms."""


@dataclass(frozen=True, slots=True)
class EndedJob:
    """`env`: of its container. `init`: pid of its supervisor. `started`: Unix seconds."""

    job_id: int
    env: tuple[tuple[str, str], ...]
    init: int
    started: float


@dataclass(frozen=True, slots=True)
class Remnant:
    """`kind` process, file or segment; `place`: its folder in /proc, its path, or its id; `told`: as an admin looks for it."""

    job_id: int
    kind: str
    place: str
    told: str


def remains(job: EndedJob, root: Path = ROOT) -> list[Remnant]:
    """All that there is of it now that its control group is gone.

    Files and segments do not say which job made them: while jobs of other agents of the machine live, none counts.
    """
    found = [Remnant(job.job_id, "process", str(folder), _process_told(folder)) for folder in _strays(job, root)]
    shared = [Remnant(job.job_id, "file", str(path), str(path)) for path in _files(job.started, root)]
    shared += [Remnant(job.job_id, "segment", key, f"shared memory segment {key}") for key in _segments(job.started, root)]
    return found if shared and _others_live(root) else found + shared


def is_there(remnant: Remnant, root: Path = ROOT) -> bool:
    """Nobody has taken it away since."""
    if remnant.kind == "segment":
        return remnant.place in (row[1] for row in _segment_rows(root))
    return os.path.lexists(remnant.place)


def _strays(job: EndedJob, root: Path) -> Iterator[Path]:
    """Processes that left the job's control group: they have its variables, and are younger than its supervisor.

    Only pids given out since then are looked at, so that a node with thousands of processes is looked through in no time.
    """
    marks = {f"{key}={value}".encode() for key, value in job.env if key.startswith(MARK) and key not in OWN}
    if not marks or not job.init:
        return
    for pid in _pids_since(job.init, root):
        folder = root / "proc" / str(pid)
        if marks <= set(_bytes(folder / "environ").split(b"\0")) and f"/{FOLDER}/" not in read(folder / "cgroup"):
            yield folder


def _pids_since(first: int, root: Path) -> Iterator[int]:
    """The last pid given out is the last word of /proc/loadavg (proc(5)); then they begin again from below."""
    last = int(read(root / "proc/loadavg").rpartition(" ")[2] or 0)
    for name in _names(root / "proc"):
        if name.isdigit() and (first < int(name) <= last or (last < first and not last < int(name) <= first)):
            yield int(name)


def _others_live(root: Path) -> bool:
    """A process of another job is there, and not just dead and not waited for yet; this one's control group is gone."""
    return any(_in_a_job(root / "proc" / name) for name in _names(root / "proc") if name.isdigit())


def _in_a_job(process: Path) -> bool:
    if f"/{FOLDER}/" not in read(process / "cgroup"):
        return False
    return read(process / "stat").rpartition(")")[2].split()[:1] not in (["Z"], ["X"])


def _process_told(folder: Path) -> str:
    return f"process {folder.name} ({read(folder / 'comm')})"


def _files(since: float, root: Path) -> list[Path]:
    """In /dev/shm, changed since then and used by no living process."""
    paths = [root / "dev/shm" / name for name in sorted(_names(root / "dev/shm"))]
    young = [path for path in paths if _changed(path) >= since - _CLOCK_TICK_S]
    used = _used(root) if young else set()
    return [path for path in young if os.fsencode(path) not in used]


def _changed(path: Path) -> float:
    try:
        return path.lstat().st_ctime
    except OSError:
        return 0.0


def _used(root: Path) -> set[bytes]:
    """Open or mapped: files in /dev/shm, and whatever else is open."""
    folder, found = os.fsencode(root / "dev/shm") + b"/", set[bytes]()
    for process in (root / "proc" / name for name in _names(root / "proc") if name.isdigit()):
        found |= {line[line.index(folder) :] for line in _bytes(process / "maps").splitlines() if folder in line}
        found |= {os.fsencode(_target(process / "fd" / name)) for name in _names(process / "fd")}
    return found


def _segments(since: float, root: Path) -> list[str]:
    """Ids of System V segments made or changed since then that nobody is attached to; times are whole seconds (proc(5))."""
    return [row[1] for row in _segment_rows(root) if row[6] == "0" and int(row[13]) >= int(since)]


def _segment_rows(root: Path) -> Iterable[list[str]]:
    """key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime …"""
    rows = (line.split() for line in read(root / "proc/sysvipc/shm").splitlines()[1:])
    return (row for row in rows if len(row) > 13 and row[13].isdigit())


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""
