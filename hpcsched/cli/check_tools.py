"""What must be installed, allowed and free on this host."""

from __future__ import annotations

import resource
from collections.abc import Callable, Collection
from pathlib import Path

from hpcsched.cli.check import Check, fail, ok, warn
from hpcsched.model.units import GIB, format_bytes

NEEDED_PYTHON = (3, 11)
LOW_DISK, FULL_DISK = 10 * GIB, GIB
PLUGINS = (("policies", "fifo"), ("stores", "sqlite"), ("runtimes", "lxc"), ("runtimes", "baremetal"))


def root_user(uid: int) -> Check:
    if uid == 0:
        return ok("user", "root")
    return fail("user", f"uid {uid}", "only root can start containers and write cgroups", "sudo hpcsched doctor")


def python(version: tuple[int, ...]) -> Check:
    text = ".".join(map(str, version[:3]))
    if version[:2] >= NEEDED_PYTHON:
        return ok("python", text)
    return fail("python", text, "hpcsched is written for Python 3.11", "apt-get install python3.11")


def liblxc(version: Callable[[], str]) -> Check:
    """`version` raises ImportError when python3-lxc or liblxc is missing."""
    try:
        return ok("liblxc", version())
    except ImportError as error:
        mend = "apt-get install lxc python3-lxc (and a venv made with --system-site-packages)"
        return fail("liblxc", str(error), "no containers; bare metal alone works", mend)


def program(name: str, package: str, cost: str, which: Callable[[str], str | None]) -> Check:
    path = which(name)
    return ok(name, path) if path else fail(name, "not installed", cost, f"apt-get install {package}")


def memlock(hard: int) -> Check:
    if hard == resource.RLIM_INFINITY:
        return ok("locked memory", "unlimited")
    cost = "RDMA and MPI libraries cannot register their buffers"
    return warn("locked memory", f"hard limit {format_bytes(hard)}", cost, "ulimit -l unlimited (or LimitMEMLOCK=infinity)")


def shared_memory(size: int, memory: int) -> Check:
    """`size` of the host's /dev/shm and `memory` of the machine, bytes."""
    if size * 4 >= memory:
        return ok("/dev/shm", format_bytes(size))
    cost = "bare-metal jobs share less memory than those in containers, which have their own"
    return warn("/dev/shm", format_bytes(size) if size else "missing", cost, "mount -o remount,size=50% /dev/shm")


def disk(folder: Path, free: int) -> Check:
    """`free` bytes where the state folder is."""
    found = f"{format_bytes(free)} free at {folder}"
    if free >= LOW_DISK:
        return ok("disk", found)
    judge = fail if free < FULL_DISK else warn
    return judge("disk", found, "a full disk stops the queue and cuts the jobs' output", f"du -xsh {folder}/*")


def entry_points(names: Callable[[str], Collection[str]]) -> Check:
    missing = [f"{kind}:{name}" for kind, name in PLUGINS if name not in names(kind)]
    if not missing:
        return ok("plug-ins", " ".join(name for _, name in PLUGINS))
    return fail("plug-ins", f"missing: {' '.join(missing)}", "the daemons do not start", "pip install --force-reinstall hpcsched")
