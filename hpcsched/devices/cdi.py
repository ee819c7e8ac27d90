"""GPUs of any vendor that a CDI file describes and no other plug-in knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpcsched.devices import cdi_edits, pci
from hpcsched.devices.base import CDI_DIRS, Passthrough, merged
from hpcsched.devices.cdi_edits import node_path
from hpcsched.devices.cdi_folder import Entry, Found, read_folders
from hpcsched.devices.tree import Tree
from hpcsched.errors import DeviceFailure
from hpcsched.model.container import DeviceNode
from hpcsched.model.device import Device, DeviceKind

SERVED = ("amd.com/gpu", "intel.com/gpu", "nvidia.com/gpu")
"""Kinds that the plug-ins beside this one hand out."""
EVERYTHING = "all"
"""By custom the name for all devices of a file together, which is none that can be given out beside them."""


def serves(kind: str) -> bool:
    return kind.endswith("/gpu") and kind not in SERVED


class Cdi:
    """The files are looked at for each call: what a container gets is what they say when it starts."""

    name = "cdi"

    def __init__(self, root: Path = Path("/"), cdi_dirs: Sequence[str] = CDI_DIRS) -> None:
        self._tree, self._folders = Tree(root), tuple(cdi_dirs)
        self.looked_for = f"files of kind VENDOR/gpu in {', '.join(cdi_dirs)}, of vendors not listed here"

    def discover(self) -> tuple[Device, ...]:
        devices = [self._device(number, entry) for number, entry in enumerate(self._entries())]
        return tuple(sorted(devices, key=lambda device: (device.pci, device.index)))

    def problems(self) -> tuple[DeviceFailure, ...]:
        return tuple(self._read().problems.values())

    def nodes(self) -> tuple[DeviceNode, ...]:
        """Those that belong to one device as well as those that all of a file share."""
        found = (self._node(path) for entry in self._entries() for path in _paths(entry))
        return tuple(dict.fromkeys(node for node in found if node))

    def passthrough(self, devices: Sequence[Device]) -> Passthrough:
        return merged(self._part(device) for device in devices)

    def visible(self, there: Sequence[Device], mine: Sequence[Device]) -> tuple[tuple[str, str], ...]:
        """A CDI file says nothing of how a process chooses among devices: only the device nodes do."""
        return ()

    def _part(self, device: Device) -> Passthrough:
        found = self._read()
        entry = found.entries.get(device.id)
        if entry is None:
            why = "; ".join(str(problem) for problem in found.problems.values()) or "the agent was started with other files"
            raise DeviceFailure(f"no CDI file names {device.id} any more ({why})", "restart the agent when it is there again")
        return cdi_edits.passthrough(self._tree, entry.edits, entry.whose)

    def _read(self) -> Found:
        return read_folders(self._tree, self._folders, serves)

    def _entries(self) -> list[Entry]:
        """Each device once, under the first of its names."""
        seen: dict[tuple[str, tuple[str, ...]], Entry] = {}
        for entry in self._read().entries.values():
            if not entry.id.endswith(f"={EVERYTHING}"):
                seen.setdefault((entry.kind, _own_paths(entry) or (entry.id,)), entry)
        return list(seen.values())

    def _device(self, number: int, entry: Entry) -> Device:
        places = (self._node(path) for path in _own_paths(entry))
        pci_addresses = [address for node in places if node and (address := self._address(node))]
        address = pci_addresses[0] if pci_addresses else ""
        numa, cpus = pci.locality(self._tree, address)
        names = tuple(path.removeprefix("/dev/") for path in _own_paths(entry))
        return Device(entry.id, DeviceKind.GPU, self.name, numa, cpus, number, entry.kind, "", address, names)

    def _node(self, path: str) -> DeviceNode | None:
        return self._tree.node(self._tree.resolved(path))

    def _address(self, node: DeviceNode) -> str:
        return pci.address_in(self._tree.resolved(f"/sys/dev/char/{node.major}:{node.minor}"))


def _own_paths(entry: Entry) -> tuple[str, ...]:
    return tuple(node_path(node, entry.whose) for node in entry.own.device_nodes)


def _paths(entry: Entry) -> tuple[str, ...]:
    return (*_own_paths(entry), *(node_path(node, entry.whose) for node in entry.shared.device_nodes))
