"""What `hpcsched doctor gpu` finds: devices, their nodes, what keeps jobs from them. `root`: where the node's files lie."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from hpcsched.agent.inventory import discovered, failures, vendors
from hpcsched.cli.check import Check, ok, warn
from hpcsched.devices import pci
from hpcsched.devices.base import DeviceVendor, Passthrough
from hpcsched.devices.cdi_file import cdi_files
from hpcsched.devices.tree import Tree
from hpcsched.errors import DeviceFailure
from hpcsched.model.container import DeviceNode
from hpcsched.model.device import Device

_COST = "no job gets this device"
_DRIVERLESS = {
    (0x10DE, pci.DISPLAY): ("NVIDIA GPU", "apt-get install nvidia-driver (or the vendor's package), then modprobe nvidia"),
    (0x1002, pci.DISPLAY): ("AMD GPU", "modprobe amdgpu"),
    (0x15B3, pci.NETWORK): ("NVIDIA (Mellanox) network card", "modprobe mlx5_core mlx5_ib ib_uverbs"),
}
"""By vendor and base class, what such hardware is called and what makes a driver serve it."""


def examine(cdi_dirs: Sequence[str], root: Path = Path("/")) -> list[Check]:
    """Per vendor: its devices, what is wrong, or what was looked for in vain."""
    known = vendors(cdi_dirs, root)
    found = [check for name, vendor in known.items() for check in _vendor(name, vendor, root)]
    return [*found, *_driverless(discovered(known), root), _cdi(cdi_dirs, root)]


def summary(cdi_dirs: Sequence[str], root: Path = Path("/")) -> Check:
    """One line for `hpcsched doctor`."""
    known = vendors(cdi_dirs, root)
    devices = discovered(known)
    wrong = [*(problem for vendor in known.values() for problem in vendor.problems()), *dict(failures(known, devices)).values()]
    if wrong:
        return warn(
            "GPUs and fabric",
            str(wrong[0]),
            f"jobs get no more than {len(devices)} devices, without those",
            "hpcsched doctor gpu",
        )
    return ok("GPUs and fabric", ", ".join(f"{device.id} ({device.model})" for device in devices) or "none")


def _vendor(name: str, vendor: DeviceVendor, root: Path) -> Iterator[Check]:
    devices, problems = vendor.discover(), vendor.problems()
    for problem in problems:
        yield warn(name, problem.what, "no job gets the devices in it", problem.mend or "correct it")
    if not devices and not problems:
        yield ok(name, f"none: looked for {vendor.looked_for}")
    broken = dict(failures({name: vendor}, devices))
    for device in devices:
        yield _device(vendor, device, broken, root)


def _device(vendor: DeviceVendor, device: Device, broken: Mapping[Device, DeviceFailure], root: Path) -> Check:
    about = f"{device.model} · {place(device)}"
    if device in broken:
        return warn(device.id, f"{about} · {broken[device].what}", _COST, broken[device].mend or "hpcsched doctor gpu")
    found = vendor.passthrough((device,))
    opened = {node.path: _opened(node, root) for node in found.nodes}
    shut = {path: outcome for path, outcome in opened.items() if outcome != "ok"}
    about = f"{about} · {_words(found, opened)}"
    if shut:
        return warn(
            device.id, about, "programs in a container will fail in the same way", "look at `dmesg`; load the driver anew"
        )
    return ok(device.id, about)


def place(device: Device) -> str:
    return f"NUMA node {device.numa}, PUs {device.cpus}" if device.numa >= 0 else "the firmware does not say where"


def _words(found: Passthrough, opened: Mapping[str, str]) -> str:
    nodes = " ".join(f"{path} {outcome}" for path, outcome in opened.items())
    drivers = ", ".join(f"{name} {version}" for name, version in found.drivers)
    libraries = f"{len(found.libraries)} libraries" if found.libraries else ""
    return " · ".join(part for part in (nodes, drivers, libraries) if part)


def _opened(node: DeviceNode, root: Path) -> str:
    """`ok`, or a name of errno(3)."""
    flags = (os.O_RDWR if "w" in node.access else os.O_RDONLY) | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        os.close(os.open(Tree(root).at(node.path), flags))
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "ok"


def _driverless(devices: Iterable[Device], root: Path) -> Iterator[Check]:
    served = {device.pci for device in devices}
    for one in pci.functions(Tree(root)):
        wanted = _DRIVERLESS.get((one.vendor, one.base_class))
        if wanted and one.address not in served:
            what, mend = wanted
            yield warn(one.address, f"{what}, driver: {one.driver or 'none'}", _COST, mend)


def _cdi(cdi_dirs: Sequence[str], root: Path) -> Check:
    tree = Tree(root)
    files = [path for folder in cdi_dirs for path in cdi_files(tree, tree.resolved(folder))]
    return ok("CDI files", " ".join(files) or f"none in {' '.join(cdi_dirs)}")
