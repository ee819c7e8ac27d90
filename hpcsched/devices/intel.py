"""Intel's discrete GPUs, which the drivers i915 or xe serve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from hpcsched.devices import pci
from hpcsched.devices.base import CDI_DIRS, Passthrough
from hpcsched.devices.tree import Tree
from hpcsched.errors import DeviceFailure
from hpcsched.model.container import DeviceNode
from hpcsched.model.device import Device, DeviceKind

_INTEL, _OTHER = 0x8086, 0x80
DRIVERS = ("i915", "xe")


class Intel:
    """Libraries (Level Zero, compute runtime) belong to the image: they need no exact version of the driver."""

    name = "intel"
    looked_for = f"{pci.FOLDER}/*/class 0x03xxxx of vendor 0x8086 beside the processor, driver i915 or xe"

    def __init__(self, root: Path = Path("/"), cdi_dirs: Sequence[str] = CDI_DIRS) -> None:
        self._tree = Tree(root)

    def discover(self) -> tuple[Device, ...]:
        return tuple(self._device(index, one) for index, one in enumerate(self._functions()) if self._renders(one))

    def problems(self) -> tuple[DeviceFailure, ...]:
        return ()

    def nodes(self) -> tuple[DeviceNode, ...]:
        """Also of the graphics that are part of the processor."""
        return tuple(pci.vendor_nodes(self._tree, _INTEL))

    def passthrough(self, devices: Sequence[Device]) -> Passthrough:
        nodes = [node for device in devices for node in self._nodes_of(device)]
        drivers = dict.fromkeys(one.driver for one in self._functions() if one.address in {device.pci for device in devices})
        versions = ((name, self._tree.text(f"/sys/module/{name}/version")) for name in drivers)
        return Passthrough(tuple(nodes), drivers=tuple((name, version) for name, version in versions if version))

    def visible(self, there: Sequence[Device], mine: Sequence[Device]) -> tuple[tuple[str, str], ...]:
        """Numbers by PCI address, whole devices (Level Zero, "Environment Variables"; compute runtime, FAQ)."""
        order = sorted(device.pci for device in there)
        chosen = ",".join(str(order.index(device.pci)) for device in mine)
        return ("ZE_ENABLE_PCI_ID_DEVICE_ORDER", "1"), ("ZE_FLAT_DEVICE_HIERARCHY", "COMPOSITE"), ("ZE_AFFINITY_MASK", chosen)

    def _functions(self) -> Iterator[pci.Function]:
        for one in pci.functions(self._tree):
            if one.vendor == _INTEL and one.base_class == pci.DISPLAY and one.driver in DRIVERS and self._is_discrete(one):
                yield one

    def _is_discrete(self, one: pci.Function) -> bool:
        """Behind a bridge, or of a class without a screen; what is part of the processor hangs on the root bus."""
        above = PurePosixPath(self._tree.resolved(f"{pci.FOLDER}/{one.address}")).parent.name
        return pci.is_address(above) or one.subclass == _OTHER

    def _renders(self, one: pci.Function) -> bool:
        return any(name.startswith("renderD") for name in self._tree.names(f"{pci.FOLDER}/{one.address}/drm"))

    def _device(self, index: int, one: pci.Function) -> Device:
        numa, cpus = pci.locality(self._tree, one.address)
        names = tuple(
            name for name in self._tree.names(f"{pci.FOLDER}/{one.address}/drm") if name.startswith(("card", "renderD"))
        )
        model = f"Intel GPU {self._tree.text(f'{pci.FOLDER}/{one.address}/device')}"
        return Device(one.address, DeviceKind.GPU, self.name, numa, cpus, index, model, "", one.address, names)

    def _nodes_of(self, device: Device) -> tuple[DeviceNode, ...]:
        nodes = pci.display_nodes(self._tree, device.pci)
        if not any("/renderD" in node.path for node in nodes):
            raise DeviceFailure(
                f"GPU {device.pci} has no node /dev/dri/renderD* any more", "modprobe xe || modprobe i915; look at `dmesg`"
            )
        return nodes
