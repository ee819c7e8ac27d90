"""Where a benchmark of files works: the root of the file system, and a folder of the node that a job has mounted."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hpcsched.model.units import format_bytes

ON_ROOT = ("/var/tmp", "/root", "/opt", "/")
BOUND = "/tmp"
VARIABLE = "HPCSCHED_SCRATCH"
SCRATCH = "/scratch"
IN_MEMORY = frozenset({"tmpfs", "ramfs"})
PREFIX = "hpcsched-disk-"
STALE_S = 60.0
MOUNTINFO = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True)
class Place:
    """`name` begins its metrics. `device`: major:minor of its file system; empty for the root: a container has its own."""

    name: str
    folder: str
    device: str = ""
    kind: str = ""


def places(environ: Mapping[str, str]) -> tuple[list[Place], list[str]]:
    """The root, and one folder that jobs share with the node; and a sentence for each that cannot be measured."""
    found, lacks = [], []
    for place, lack in (_root(), _bound(environ)):
        if place is None:
            lacks.append(lack)
        else:
            found.append(place)
    return found, lacks


def _root() -> tuple[Place | None, str]:
    device = os.stat("/").st_dev
    folder = next(
        (one for one in ON_ROOT if os.path.isdir(one) and os.stat(one).st_dev == device and os.access(one, os.W_OK)), ""
    )
    if not folder:
        return None, "root: no folder there that can be written to"
    lack = unfit(folder, file_system("/"))
    return (None, f"root: {lack}") if lack else (Place("root", folder), "")


def _bound(environ: Mapping[str, str]) -> tuple[Place | None, str]:
    wanted = environ.get(VARIABLE) or (SCRATCH if os.path.isdir(SCRATCH) else "")
    name, folder = ("scratch", wanted) if wanted else ("bind", BOUND)
    if not os.path.isdir(folder):
        return None, f"{name}: no folder {folder}; name another with {VARIABLE}"
    kind = file_system(folder)
    lack = unfit(folder, kind)
    if lack:
        return None, f"{name}: {folder} {lack}; name another folder with {VARIABLE}"
    return Place(name, os.path.realpath(folder), device_of(folder), kind), ""


def device_of(folder: str) -> str:
    number = os.stat(folder).st_dev
    return f"{os.major(number)}:{os.minor(number)}"


def file_system(folder: str, mountinfo: Path = MOUNTINFO) -> str:
    """Its type as in proc(5), from the mount that holds the folder; the last of those at one point hides the others."""
    inside, held = os.path.realpath(folder).rstrip("/") + "/", ""
    kind = "unknown"
    for line in mountinfo.read_text().splitlines():
        head, _, tail = line.partition(" - ")
        point = head.split()[4].rstrip("/") + "/"
        if inside.startswith(point) and len(point) >= len(held):
            held, kind = point, tail.split()[0]
    return kind


def unfit(folder: str, kind: str) -> str:
    """Why O_DIRECT has nothing to measure there; empty if it has."""
    if kind in IN_MEMORY:
        return f"is a {kind}: memory, no disk"
    try:
        descriptor, path = tempfile.mkstemp(prefix=PREFIX, dir=folder)
    except OSError as error:
        return f"cannot be written to ({error.strerror})"
    os.close(descriptor)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_DIRECT))
    except OSError as error:
        return f"does not know O_DIRECT ({kind}: {error.strerror})"
    finally:
        os.unlink(path)
    return ""


def room(folder: str, wanted: int, least: int) -> int:
    """Bytes for a file: a quarter of what is free at most; 0 when that is less than the least."""
    free = shutil.disk_usage(folder).free // 4
    return 0 if free < least else min(wanted, free) >> 20 << 20


def too_full(place: Place, least: int) -> str:
    return f"{place.name}: {place.folder} has less than {format_bytes(least * 4)} free"


@contextmanager
def own_folder(place: str) -> Iterator[Path]:
    """A folder there that is gone afterwards, also after SIGTERM; what a killed run left there goes too."""
    remove_stale(Path(place))
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    try:
        with locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder)
        signal.signal(signal.SIGTERM, before)


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Whether it is ours now; the kernel gives it back however we end."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


def remove_stale(place: Path) -> None:
    """Folders of ours that are older than a minute and that nobody holds."""
    for path in place.glob(f"{PREFIX}*"):
        try:
            found = path.lstat()
            ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and time.time() - found.st_mtime > STALE_S
            if ours and _unheld(path):
                shutil.rmtree(path)
        except OSError:
            pass


def _unheld(path: Path) -> bool:
    with locked(path) as free:
        return free
