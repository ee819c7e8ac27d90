"""PCI functions in sysfs: where they are, what they are, which driver has them (Documentation/ABI/testing/sysfs-bus-pci)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hpcsched.devices.tree import Tree
from hpcsched.errors import InvalidValue
from hpcsched.model.container import DeviceNode
from hpcsched.model.idset import MAX_ID, IdSet

FOLDER = "/sys/bus/pci/devices"
DRM = "/sys/class/drm"
DISPLAY, NETWORK = 0x03, 0x02
"""Base classes (PCI Code and ID Assignment Specification, 1.1)."""
_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


@dataclass(frozen=True, slots=True)
class Function:
    """`base_class`: DISPLAY, NETWORK …; `subclass`: 0x80 is `other`. `driver`: name of the kernel's, empty for none."""

    address: str
    vendor: int
    base_class: int
    subclass: int
    driver: str


def functions(tree: Tree) -> Iterator[Function]:
    """All of the node, by address."""
    for address in tree.names(FOLDER):
        place = f"{FOLDER}/{address}"
        code = tree.number(f"{place}/class", 0)
        driver = tree.resolved(f"{place}/driver").rpartition("/")[2] if tree.exists(f"{place}/driver") else ""
        yield Function(address, tree.number(f"{place}/vendor", 0), code >> 16 & 0xFF, code >> 8 & 0xFF, driver)


def locality(tree: Tree, address: str) -> tuple[int, IdSet]:
    """OS index of its NUMA node and the PUs near it; -1 and none where the firmware does not say, or for an empty address."""
    numa = tree.number(f"{FOLDER}/{address}/numa_node") if address else -1
    if not 0 <= numa <= MAX_ID:
        return -1, IdSet()
    try:
        return numa, IdSet.parse(tree.text(f"{FOLDER}/{address}/local_cpulist"))
    except InvalidValue:
        return numa, IdSet()


def address_in(path: str) -> str:
    """The last PCI address in a path of /sys/devices, which is the device that the rest hangs on; empty where there is none."""
    found = [part for part in path.split("/") if _ADDRESS.fullmatch(part)]
    return found[-1] if found else ""


def is_address(text: str) -> bool:
    return bool(_ADDRESS.fullmatch(text))


def display_nodes(tree: Tree, address: str) -> tuple[DeviceNode, ...]:
    """/dev/dri/cardN and renderDN of that function, which the kernel's DRM made."""
    names = (name for name in tree.names(f"{FOLDER}/{address}/drm") if name.startswith(("card", "renderD")))
    return tuple(node for name in names if (node := tree.node(f"/dev/dri/{name}")))


def vendor_nodes(tree: Tree, vendor: int) -> Iterator[DeviceNode]:
    """As `display_nodes`, of all functions of that vendor.

    It is asked for each job, and a node has few of DRM's devices, but hundreds of functions.
    """
    for name in tree.names(DRM):
        if name.startswith(("card", "renderD")) and "-" not in name:
            address, node = address_in(tree.resolved(f"{DRM}/{name}")), tree.node(f"/dev/dri/{name}")
            if node and address and tree.number(f"{FOLDER}/{address}/vendor", 0) == vendor:
                yield node
