"""AMD's GPUs as the compute driver shows them (drivers/gpu/drm/amd/amdkfd/kfd_topology.c): a node for each GPU or partition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from hpcsched.devices import pci
from hpcsched.devices.base import CDI_DIRS, Passthrough
from hpcsched.devices.tree import Tree
from hpcsched.errors import DeviceFailure
from hpcsched.model.container import DeviceNode
from hpcsched.model.device import Device, DeviceKind

NODES = "/sys/class/kfd/kfd/topology/nodes"
KFD = "/dev/kfd"
MEND = "modprobe amdgpu; look at `dmesg`"
_AMD = 0x1002


class Amd:
    """Libraries and programs (ROCm) belong to the image: they need no exact version of the driver."""

    name = "amd"
    looked_for = NODES

    def __init__(self, root: Path = Path("/"), cdi_dirs: Sequence[str] = CDI_DIRS) -> None:
        self._tree = Tree(root)

    def discover(self) -> tuple[Device, ...]:
        return tuple(sorted(self._found(), key=lambda device: device.id))

    def problems(self) -> tuple[DeviceFailure, ...]:
        return ()

    def nodes(self) -> tuple[DeviceNode, ...]:
        """Also of cards that KFD does not know."""
        shown = pci.vendor_nodes(self._tree, _AMD)
        own = [self._tree.node(f"/dev/dri/{name}") for device in self.discover() for name in device.names]
        return tuple(dict.fromkeys(node for node in (self._tree.node(KFD), *own, *shown) if node))

    def passthrough(self, devices: Sequence[Device]) -> Passthrough:
        if not devices:
            return Passthrough()
        there = {device.id: device for device in self.discover()}
        nodes = [self._node(KFD)]
        for device in devices:
            if device.id not in there:
                raise DeviceFailure(f"GPU {device.id} ({device.model}) is gone", f"look at `dmesg` and `lspci -s {device.pci}`")
            nodes += [self._node(f"/dev/dri/{name}") for name in there[device.id].names]
        version = self._tree.text("/sys/module/amdgpu/version")
        return Passthrough(tuple(dict.fromkeys(nodes)), drivers=(("amdgpu", version),) if version else ())

    def visible(self, there: Sequence[Device], mine: Sequence[Device]) -> tuple[tuple[str, str], ...]:
        """Numbers among those there in the order of KFD's nodes (ROCm, "GPU isolation techniques"); HIP counts within these."""
        order = sorted(device.index for device in there)
        return (("ROCR_VISIBLE_DEVICES", ",".join(str(order.index(device.index)) for device in mine)),)

    def _found(self) -> Iterator[Device]:
        for name in self._tree.names(NODES):
            if self._tree.number(f"{NODES}/{name}/gpu_id", 0) and name.isdigit():
                properties = self._tree.fields(f"{NODES}/{name}/properties")
                if _number(properties, "drm_render_minor"):
                    yield self._device(int(name), properties)

    def _device(self, number: int, properties: dict[str, str]) -> Device:
        """Partitions of a card (MI300 in CPX mode) have their number where a PCI address has the function."""
        place = _address(_number(properties, "domain"), _number(properties, "location_id"))
        card = place if self._tree.exists(f"{pci.FOLDER}/{place}") else f"{place[:-1]}0"
        numa, cpus = pci.locality(self._tree, card)
        render = f"renderD{properties['drm_render_minor']}"
        names = (render, *(name for name in self._cards(card) if place == card))
        unique = _number(properties, "unique_id")
        uuid = f"GPU-{unique:016x}" if unique else ""
        return Device(place, DeviceKind.GPU, self.name, numa, cpus, number, self._model(number, card), uuid, card, names)

    def _cards(self, address: str) -> list[str]:
        return [name for name in self._tree.names(f"{pci.FOLDER}/{address}/drm") if name.startswith("card")]

    def _model(self, number: int, address: str) -> str:
        return self._tree.text(f"{pci.FOLDER}/{address}/product_name") or self._tree.text(f"{NODES}/{number}/name")

    def _node(self, path: str) -> DeviceNode:
        node = self._tree.node(path)
        if node is None:
            raise DeviceFailure(f"device node {path} is missing", MEND)
        return node


def _number(properties: dict[str, str], name: str) -> int:
    text = properties.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _address(domain: int, location: int) -> str:
    """KFD's `location_id` is bus, device and function as in pci_dev_id() (include/linux/pci.h)."""
    return f"{domain:04x}:{location >> 8 & 0xFF:02x}:{location >> 3 & 0x1F:02x}.{location & 7}"
