"""What a container may do to its node: capabilities, devices, /proc. Data; `docs/decisions/0003-confinement.md` says why."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hpcsched.hardware.cgroup_limits import hugepage_limits, page_name
from hpcsched.model.allocation import HugePages
from hpcsched.model.container import ContainerSpec, DeviceNode, Rlimit

CAPABILITIES = (
    "chown",
    "dac_override",
    "fowner",
    "fsetid",
    "ipc_lock",
    "kill",
    "setfcap",
    "setgid",
    "setpcap",
    "setuid",
    "sys_chroot",
    "sys_nice",
    "sys_ptrace",
)
"""All others are dropped from the bounding set (capabilities(7))."""

DEVICES = ("c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm")
"""null, zero, full, random, urandom, tty, ptmx and terminals; any other node that was not granted opens with EPERM."""

PROC_READ_ONLY = (
    "/proc/sys",
    "/proc/acpi",
    "/proc/asound",
    "/proc/bus",
    "/proc/driver",
    "/proc/dynamic_debug",
    "/proc/fs",
    "/proc/irq",
    "/proc/pressure",
    "/proc/scsi",
    "/proc/tty",
)
PROC_HIDDEN = (
    "/proc/kcore",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/latency_stats",
    "/proc/mtrr",
    "/proc/sched_debug",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
    "/proc/timer_stats",
)
INIT = "/dev/.hpcsched-init"
"""Inside: a read-only mount of our supervisor, in the container's own /dev, which no image and no mount of a job reaches."""

Config = list[tuple[str, str]]


def device_rules(devices: Iterable[DeviceNode]) -> tuple[str, ...]:
    """Entries as in `devices.allow`: what every container has, and these."""
    return (*DEVICES, *(f"{node.kind} {node.major}:{node.minor} {node.access}" for node in devices))


def lxc_config(spec: ContainerSpec, shm_bytes: int, unified: bool, exists: Callable[[str], bool]) -> Config:
    """Keys of lxc.container.conf(5) that do not depend on where things lie; `exists` tells of a path of the node's /proc."""
    return [
        ("lxc.uts.name", spec.hostname),
        *(("lxc.namespace.clone", kind) for kind in ("mnt", "pid", "uts", "ipc")),
        ("lxc.autodev", "1"),
        ("lxc.tty.max", "0"),
        ("lxc.pty.max", "1024"),
        ("lxc.console.path", "none"),
        ("lxc.apparmor.profile", "unconfined"),
        ("lxc.mount.auto", "proc:rw"),
        *(("lxc.cap.keep", name) for name in CAPABILITIES),
        *(_prlimit(limit) for limit in spec.rlimits),
        *(_device_config(device_rules(spec.devices)) if unified else []),
        *(("lxc.mount.entry", entry) for entry in (*_entries(shm_bytes, exists), *_granted_entries(spec))),
    ]


def _prlimit(limit: Rlimit) -> tuple[str, str]:
    soft, hard = ("unlimited" if value < 0 else str(value) for value in (limit.soft, limit.hard))
    return f"lxc.prlimit.{limit.resource}", f"{soft}:{hard}"


def _device_config(rules: Iterable[str]) -> Config:
    return [("lxc.cgroup2.devices.deny", "a"), *(("lxc.cgroup2.devices.allow", rule) for rule in rules)]


def _entries(shm_bytes: int, exists: Callable[[str], bool]) -> list[str]:
    bind = "none bind,nosuid,nodev,noexec,ro 0 0"
    return [
        f"tmpfs dev/shm tmpfs nosuid,nodev,mode=1777,size={shm_bytes},create=dir 0 0",
        "mqueue dev/mqueue mqueue nosuid,nodev,noexec,create=dir 0 0",
        *(f"{path} {path.lstrip('/')} {bind}" for path in PROC_READ_ONLY if exists(path)),
        *(f"/dev/null {path.lstrip('/')} {bind}" for path in PROC_HIDDEN if exists(path)),
    ]


def _granted_entries(spec: ContainerSpec) -> list[str]:
    """The node's own device nodes, read-only so that nobody inside changes their owner or mode; a device opens all the same."""
    nodes = (f"{node.path} {node.path.lstrip('/')} none bind,ro,nosuid,noexec,create=file 0 0" for node in spec.devices)
    return [*nodes, *_hugepage_entries(spec.binding.hugepages)]


def _hugepage_entries(granted: Iterable[HugePages]) -> list[str]:
    """/dev/hugepages has the smallest size, /dev/hugepages1GB and the like the others."""
    limits = hugepage_limits(granted, ())
    places = ["dev/hugepages", *(f"dev/hugepages{page_name(size)}" for size, _ in limits[1:])]
    return [
        f"hugetlbfs {place} hugetlbfs nosuid,nodev,mode=1777,pagesize={size},size={limit},create=dir 0 0"
        for place, (size, limit) in zip(places, limits, strict=False)
    ]
