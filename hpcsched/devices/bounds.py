"""What of the node a description of a device may bring into a container: device nodes and driver files, nothing else. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath

from hpcsched.errors import DeviceFailure
from hpcsched.model.container import DeviceNode

DRIVER_FOLDERS = (
    "/bin",
    "/etc/OpenCL",
    "/etc/glvnd",
    "/etc/vulkan",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/sbin",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
)
"""Where drivers install libraries, programs and their settings."""

DAEMON_FOLDERS = ("/run/nvidia-fabricmanager", "/run/nvidia-persistenced", "/tmp/nvidia-mps", "/var/run/nvidia-fabricmanager",
                  "/var/run/nvidia-persistenced")  # fmt: skip
"""Sockets of the vendor's daemons, which its CDI files name as well: left out, as jobs do without them."""

_OTHER_MAJORS = {
    1: "memory",
    7: "a screen's memory",
    13: "a keyboard or mouse",
    21: "a disk",
    **dict.fromkeys((4, 5, *range(136, 144)), "a terminal"),
    **dict.fromkeys((202, 203), "a CPU's registers"),
}
"""Documentation/admin-guide/devices.txt: character devices that are no accelerator."""

_MISC = 10
_CONNECTIONS = "/dev/infiniband/rdma_cm"
"""Of the miscellaneous devices the one that computing needs; its minor is dynamic. Beside it are /dev/kvm, /dev/fuse…"""
_VFIO = ("/dev/vfio",)
"""Their majors are dynamic (Documentation/driver-api/vfio.rst)."""


def is_beneath(path: str, folders: tuple[str, ...]) -> bool:
    """The path, absolute and normal, lies in one of the folders and is none of them."""
    return any(path != folder and PurePosixPath(path).is_relative_to(folder) for folder in folders)


def check_driver_path(path: str, whose: str) -> None:
    """Raises DeviceFailure for a path, links followed, that lies in no folder of drivers."""
    if not _is_normal(path) or not is_beneath(path, DRIVER_FOLDERS):
        raise DeviceFailure(f"{whose} brings in {path!r}, which is in no folder of drivers ({', '.join(DRIVER_FOLDERS)})")


def check_node(node: DeviceNode, whose: str) -> None:
    """Raises DeviceFailure for a node that is not one of a device for computing."""
    if node.kind != "c":
        raise DeviceFailure(f"{whose} brings in {node.path}, which is a block device")
    if node.major in _OTHER_MAJORS:
        raise DeviceFailure(f"{whose} brings in {node.path}, which is {_OTHER_MAJORS[node.major]}")
    if is_beneath(node.path, _VFIO):
        raise DeviceFailure(f"{whose} brings in {node.path}, which is a device of virtual machines (VFIO)")
    if node.major == _MISC and node.path != _CONNECTIONS:
        raise DeviceFailure(f"{whose} brings in {node.path}, which is a device of the kernel's own ({_MISC}:{node.minor})")


def check_dev_path(path: str, whose: str) -> None:
    if not _is_normal(path) or not is_beneath(path, ("/dev",)):
        raise DeviceFailure(f"{whose} brings in {path!r} as a device node, which is not under /dev")


def _is_normal(path: str) -> bool:
    return path.startswith("/") and ".." not in path.split("/") and str(PurePosixPath(path)) == path and path.isprintable()
