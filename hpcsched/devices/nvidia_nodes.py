"""NVIDIA's device nodes: which belong to what, and whether they still are the driver's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from hpcsched.devices import pci
from hpcsched.devices.nvidia_proc import Gpu, Instance, gpus, majors
from hpcsched.devices.tree import Tree
from hpcsched.errors import DeviceFailure
from hpcsched.model.container import DeviceNode

MAKE = "nvidia-modprobe -c 0 -u"
NEEDED = ("/dev/nvidiactl", "/dev/nvidia-uvm")
USEFUL = ("/dev/nvidia-modeset", "/dev/nvidia-uvm-tools")
_DRIVERS = {"nvidia-uvm": ("nvidia-uvm",), "nvidia-caps": ("nvidia-caps",), "": ("nvidia", "nvidia-frontend")}
"""Names in /proc/devices by how the name of a node begins; the first that fits."""


def all_nodes(tree: Tree) -> tuple[DeviceNode, ...]:
    """Also of GPUs that are not handed out, and those of the display side."""
    shown = (node for gpu in gpus(tree) for node in pci.display_nodes(tree, gpu.pci))
    return tuple(dict.fromkeys((*tree.nodes("/dev", "nvidia"), *shown)))


def common_nodes(tree: Tree) -> Iterator[DeviceNode]:
    """What every container with a GPU opens. Raises DeviceFailure."""
    yield from (_needed(tree, path) for path in NEEDED)
    yield from (_checked(tree, node) for path in USEFUL if (node := tree.node(path)))


def gpu_node(tree: Tree, gpu: Gpu) -> DeviceNode:
    """Raises DeviceFailure."""
    return _needed(tree, f"/dev/nvidia{gpu.minor}")


def instance_nodes(tree: Tree, instance: Instance) -> Iterator[DeviceNode]:
    """The GPU's, and the two that open this part of it. Raises DeviceFailure."""
    yield gpu_node(tree, instance.gpu)
    make = "nvidia-modprobe " + " ".join(f"-f {path}" for path in instance.access_files)
    for cap in instance.caps:
        yield dataclasses.replace(_needed(tree, f"/dev/nvidia-caps/nvidia-cap{cap}", make), access="r")


def _needed(tree: Tree, path: str, make: str = MAKE) -> DeviceNode:
    node = tree.node(path)
    if node is None:
        raise DeviceFailure(f"device node {path} is missing", make)
    return _checked(tree, node)


def _checked(tree: Tree, node: DeviceNode) -> DeviceNode:
    """A module that was loaded anew has another number, and an old node leads nowhere."""
    known, name = majors(tree), node.path.removeprefix("/dev/")
    drivers = next(drivers for prefix, drivers in _DRIVERS.items() if name.startswith(prefix))
    now = {known[driver] for driver in drivers if driver in known}
    if now and node.major not in now:
        raise DeviceFailure(
            f"{node.path} has major number {node.major}, the driver now has {now.pop()}", f"rm {node.path} && {MAKE}"
        )
    return node
