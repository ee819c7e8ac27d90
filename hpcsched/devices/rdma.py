"""InfiniBand, RoCE and other RDMA devices (Documentation/ABI/stable/sysfs-class-infiniband)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from hpcsched.devices import pci
from hpcsched.devices.base import CDI_DIRS, Passthrough
from hpcsched.devices.tree import Tree, natural
from hpcsched.errors import DeviceFailure
from hpcsched.model.container import DeviceNode
from hpcsched.model.device import Device, DeviceKind

DEVICES, VERBS, NODES = "/sys/class/infiniband", "/sys/class/infiniband_verbs", "/dev/infiniband"
CONNECTIONS = f"{NODES}/rdma_cm"
LOAD = "modprobe ib_uverbs rdma_ucm"


class Rdma:
    """In go the nodes for verbs and connections; those that manage the fabric (umad, issm) are never given."""

    name = "rdma"
    looked_for = DEVICES

    def __init__(self, root: Path = Path("/"), cdi_dirs: Sequence[str] = CDI_DIRS) -> None:
        self._tree = Tree(root)

    def discover(self) -> tuple[Device, ...]:
        """By PCI address; without those made of software, which are no hardware to hand out."""
        return tuple(sorted(self._found(), key=lambda device: (device.pci, natural(device.names[0]))))

    def problems(self) -> tuple[DeviceFailure, ...]:
        return ()

    def nodes(self) -> tuple[DeviceNode, ...]:
        return tuple(self._tree.nodes(NODES))

    def passthrough(self, devices: Sequence[Device]) -> Passthrough:
        if not devices:
            return Passthrough()
        verbs = [self._node(f"{NODES}/{self._verbs(device)}") for device in devices]
        ports = [f"{device.names[0]}:{port}" for device in devices for port in self.active_ports(device)]
        # UCX takes them in the order in which it is told (UCX documentation, UCX_NET_DEVICES).
        env = (("UCX_NET_DEVICES", ",".join(ports)),) if ports else ()
        connections = self._tree.node(CONNECTIONS)
        return Passthrough((*verbs, *((connections,) if connections else ())), env=env, drivers=tuple(self._firmware(devices)))

    def visible(self, there: Sequence[Device], mine: Sequence[Device]) -> tuple[tuple[str, str], ...]:
        return ()

    def active_ports(self, device: Device) -> list[int]:
        """Ports whose link is up; the state reads `4: ACTIVE`."""
        place = f"{DEVICES}/{device.names[0]}/ports"
        return [int(port) for port in self._tree.names(place) if self._tree.text(f"{place}/{port}/state").endswith("ACTIVE")]

    def _found(self) -> Iterator[Device]:
        for index, name in enumerate(self._tree.names(DEVICES)):
            address = pci.address_in(self._tree.resolved(f"{DEVICES}/{name}/device"))
            if address:
                numa, cpus = pci.locality(self._tree, address)
                model = self._tree.text(f"{DEVICES}/{name}/hca_type") or name
                uuid, names = self._tree.text(f"{DEVICES}/{name}/node_guid"), (name, *self._interfaces(name))
                yield Device(self._id(address, name), DeviceKind.NIC, self.name, numa, cpus, index, model, uuid, address, names)

    def _interfaces(self, name: str) -> list[str]:
        return self._tree.names(f"{DEVICES}/{name}/device/net")

    def _id(self, address: str, name: str) -> str:
        """A function may bring several devices (one for each port of an older card)."""
        others = self._tree.names(f"{pci.FOLDER}/{address}/infiniband")
        return address if len(others) < 2 else f"{address}/{name}"

    def _verbs(self, device: Device) -> str:
        for name in self._tree.names(VERBS):
            if self._tree.text(f"{VERBS}/{name}/ibdev") == device.names[0]:
                return name
        raise DeviceFailure(f"RDMA device {device.names[0]} ({device.pci}) has no verbs device any more", LOAD)

    def _node(self, path: str) -> DeviceNode:
        node = self._tree.node(path)
        if node is None:
            raise DeviceFailure(f"device node {path} is missing", LOAD)
        return node

    def _firmware(self, devices: Sequence[Device]) -> Iterator[tuple[str, str]]:
        for device in devices:
            name = device.names[0]
            if version := self._tree.text(f"{DEVICES}/{name}/fw_ver"):
                yield f"{name} firmware", version
