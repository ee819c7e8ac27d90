"""NVIDIA's GPUs and parts of them (MIG instances)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hpcsched.devices import nvidia_files, nvidia_mig, nvidia_nodes, pci
from hpcsched.devices.base import CDI_DIRS, Passthrough, merged
from hpcsched.devices.nvidia_proc import FOLDER, Gpu, Instance, gpus, instances, module_version
from hpcsched.devices.tree import Tree
from hpcsched.errors import DeviceFailure
from hpcsched.model.container import DeviceNode
from hpcsched.model.device import Device, DeviceKind

NUMBERED = ("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
"""CUDA counts devices by their PCI address, not the fastest first (CUDA programming guide, environment variables)."""


class Nvidia:
    """Reads /proc/driver/nvidia; nvidia-smi is asked only for the UUIDs of MIG instances."""

    name = "nvidia"
    looked_for = f"{FOLDER}/gpus"

    def __init__(self, root: Path = Path("/"), cdi_dirs: Sequence[str] = CDI_DIRS) -> None:
        self._tree, self._folders = Tree(root), tuple(cdi_dirs)

    def discover(self) -> tuple[Device, ...]:
        return tuple(self._found())

    def problems(self) -> tuple[DeviceFailure, ...]:
        """What is wrong is said by `passthrough` for the device that it is wrong with."""
        return ()

    def nodes(self) -> tuple[DeviceNode, ...]:
        return nvidia_nodes.all_nodes(self._tree)

    def passthrough(self, devices: Sequence[Device]) -> Passthrough:
        if not devices:
            return Passthrough()
        version = module_version(self._tree)
        if not version:
            raise DeviceFailure("the NVIDIA kernel module is not loaded", "modprobe nvidia")
        nodes = (*nvidia_nodes.common_nodes(self._tree), *(node for device in devices for node in self._nodes_of(device)))
        files = nvidia_files.driver_files(self._tree, self._folders, version)
        # Images of CUDA ask for what they need by this variable; the devices are in already, so nothing acts on it a second time.
        env = (NUMBERED, ("NVIDIA_VISIBLE_DEVICES", ",".join(device.uuid for device in devices)))
        drivers = (("nvidia", version), ("libcuda", nvidia_files.library_version(path for _, path in files.libraries)))
        return merged((files, Passthrough(nodes=nodes, env=env, drivers=drivers)))

    def visible(self, there: Sequence[Device], mine: Sequence[Device]) -> tuple[tuple[str, str], ...]:
        """Numbers among those there, by PCI address; UUIDs as soon as one is a part of a GPU, which has no number."""
        if any(_is_part(device) for device in (*there, *mine)):
            chosen = [device.uuid for device in mine]
        else:
            order = sorted(device.pci for device in there)
            chosen = [str(order.index(device.pci)) for device in mine]
        return NUMBERED, ("CUDA_VISIBLE_DEVICES", ",".join(chosen))

    def _found(self) -> Iterator[Device]:
        split = {gpu: instances(self._tree, gpu) for gpu in gpus(self._tree)}
        known = nvidia_mig.uuids(self._tree) if any(split.values()) else {}
        for index, (gpu, parts) in enumerate(split.items()):
            numa, cpus = pci.locality(self._tree, gpu.pci)
            whole = Device(gpu.pci, DeviceKind.GPU, self.name, numa, cpus, index, gpu.model, gpu.uuid, gpu.pci, (_name(gpu),))
            yield from (_part_of(whole, part, known) for part in parts) if parts else (whole,)

    def _nodes_of(self, device: Device) -> Iterator[DeviceNode]:
        gpu = next((gpu for gpu in gpus(self._tree) if gpu.pci == device.pci), None)
        if gpu is None:
            raise DeviceFailure(f"GPU {device.pci} ({device.model}) is gone", f"look at `dmesg` and `lspci -s {device.pci}`")
        parts = instances(self._tree, gpu)
        if _is_part(device):
            yield from nvidia_nodes.instance_nodes(self._tree, _instance(device, parts))
        elif parts:
            raise DeviceFailure(f"GPU {device.pci} was split into {len(parts)} MIG instances", "restart the agent")
        else:
            yield nvidia_nodes.gpu_node(self._tree, gpu)


def _name(gpu: Gpu) -> str:
    return f"nvidia{gpu.minor}"


def _part_of(whole: Device, part: Instance, known: Mapping[nvidia_mig.Place, tuple[str, str]]) -> Device:
    """Its GPU's, but for the id and the names; the last of these says which part it is."""
    uuid, profile = nvidia_mig.name_of(part, known)
    return replace(whole, id=uuid, uuid=uuid, model=f"{whole.model} MIG {profile}".strip(), names=(*whole.names, part.name))


def _instance(device: Device, parts: tuple[Instance, ...]) -> Instance:
    found = next((part for part in parts if part.name == device.names[-1]), None)
    if found is None:
        raise DeviceFailure(f"MIG instance {device.uuid} of GPU {device.pci} is gone", "restart the agent")
    return found


def _is_part(device: Device) -> bool:
    return device.uuid.startswith("MIG-")
