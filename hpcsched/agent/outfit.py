"""What the node's devices add to a container."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hpcsched.devices.base import DeviceVendor, Passthrough, merged
from hpcsched.errors import DeviceFailure
from hpcsched.model.allocation import Binding, TaskBinding
from hpcsched.model.container import HOST, ContainerSpec, DeviceNode, Mount
from hpcsched.model.device import Device

CONFINED = "lxc"
"""The runtime in which only what was granted can be opened."""
LIBRARY_FOLDER = "/usr/local/hpcsched/lib"
"""Where an image that brings no driver finds its libraries, by LD_LIBRARY_PATH: nothing of the image is hidden."""
Env = tuple[tuple[str, str], ...]


class Outfitter:
    """`vendors` by name; `devices`: those that this node hands out."""

    def __init__(self, vendors: Mapping[str, DeviceVendor], devices: tuple[Device, ...]) -> None:
        self._vendors, self._devices = vendors, {device.id: device for device in devices}

    def outfitted(self, spec: ContainerSpec, runtime: str = CONFINED) -> ContainerSpec:
        """With device nodes, driver files and variables of the devices in its binding; its own variables win.

        Every node of a device of these vendors that is not granted is `refused`. Raises DeviceFailure.
        """
        granted = self._by_vendor((*spec.binding.gpus, *spec.binding.nics))
        found = merged(self._vendors[name].passthrough(devices) for name, devices in granted.items())
        confined = runtime == CONFINED
        mounts = _mounts(found, spec.image) if confined or spec.image != HOST else ()
        env = {**dict(found.env), **({} if confined else self._chosen(granted)), **_search_path(mounts), **dict(spec.env)}
        return replace(
            spec,
            devices=(*spec.devices, *found.nodes),
            refused=(*spec.refused, *_others(self._vendors.values(), found.nodes)),
            mounts=(*spec.mounts, *mounts),
            env=tuple(env.items()),
            drivers=(*spec.drivers, *found.drivers),
        )

    def task_env(self, binding: Binding, task: TaskBinding, runtime: str = CONFINED) -> Env:
        """The variables by which one task of the job uses its own GPUs only. Raises DeviceFailure for an unknown device."""
        granted, mine = self._by_vendor(binding.gpus), self._by_vendor(task.gpus)
        env: dict[str, str] = {}
        for name, devices in granted.items():
            env |= self._visible(name, devices, mine.get(name, []), runtime)
        return tuple(env.items())

    def _chosen(self, granted: Mapping[str, Sequence[Device]]) -> dict[str, str]:
        """On bare metal variables alone keep a job to its devices."""
        env: dict[str, str] = {}
        for name, devices in granted.items():
            env |= self._vendors[name].visible(self._all_of(name, devices), devices)
        return env

    def _visible(self, vendor: str, granted: Sequence[Device], mine: Sequence[Device], runtime: str) -> dict[str, str]:
        """On bare metal nothing hides the devices that were not granted, so numbers count through all of the node's."""
        there = granted if runtime == CONFINED else self._all_of(vendor, granted)
        return dict(self._vendors[vendor].visible(there, mine))

    def _all_of(self, vendor: str, granted: Sequence[Device]) -> tuple[Device, ...]:
        """The node's devices of that vendor now. Raises DeviceFailure when a granted one is not among them any more."""
        there = self._vendors[vendor].discover()
        for device in granted:
            if device.id not in {one.id for one in there}:
                raise DeviceFailure(f"device {device.id} ({device.model}) is gone", "look at `dmesg`, then restart the agent")
        return there

    def _by_vendor(self, ids: Sequence[str]) -> dict[str, list[Device]]:
        found: dict[str, list[Device]] = {}
        for one in ids:
            device = self._known(one)
            found.setdefault(device.vendor, []).append(device)
        return found

    def _known(self, device_id: str) -> Device:
        device = self._devices.get(device_id)
        if device is None or device.vendor not in self._vendors:
            raise DeviceFailure(f"this node has no device {device_id!r} to give; it has {', '.join(self._devices) or 'none'}")
        return device


def _others(vendors: Iterable[DeviceVendor], granted: Sequence[DeviceNode]) -> tuple[DeviceNode, ...]:
    """The kernel tells devices by their numbers, so another path of one that was granted is granted too."""
    numbers = {_numbers(node) for node in granted}
    found = {node.path: node for vendor in vendors for node in vendor.nodes() if _numbers(node) not in numbers}
    return tuple(found.values())


def _numbers(node: DeviceNode) -> tuple[str, int, int]:
    return node.kind, node.major, node.minor


def _mounts(found: Passthrough, image: str) -> tuple[Mount, ...]:
    """The image `host` is the node's own files: only what has another place there is mounted."""
    if image == HOST:
        return tuple(mount for mount in found.mounts if os.path.realpath(mount.target) != mount.source)
    libraries = (Mount(path, f"{LIBRARY_FOLDER}/{name}") for name, path in found.libraries)
    return (*found.mounts, *libraries)


def _search_path(mounts: Sequence[Mount]) -> dict[str, str]:
    """Read by ld.so(8); a job that sets it with --env names our folder as well."""
    mounted = any(mount.target.startswith(f"{LIBRARY_FOLDER}/") for mount in mounts)
    return {"LD_LIBRARY_PATH": LIBRARY_FOLDER} if mounted else {}
