"""Which devices this node hands out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from hpcsched import plugins
from hpcsched.config import AgentConfig
from hpcsched.devices.base import DeviceVendor
from hpcsched.errors import ConfigError, DeviceFailure
from hpcsched.model.device import Device

log = logging.getLogger(__name__)
KIND = "devices"
ALL = "all"


def vendors(cdi_dirs: Sequence[str], root: Path = Path("/")) -> dict[str, DeviceVendor]:
    """Every plug-in, by name."""
    return {name: plugins.load(KIND, name)(root, cdi_dirs) for name in plugins.names(KIND)}


def offered(config: AgentConfig, root: Path = Path("/")) -> tuple[Device, ...]:
    """Those that the site lets jobs have and that work; what is left out is logged. Raises ConfigError for an id or folder."""
    check_folders(config.cdi_dirs)
    known = vendors(config.cdi_dirs, root)
    problems = [problem for vendor in known.values() for problem in vendor.problems()]
    wanted = chosen(discovered(known), config.devices, problems)
    broken = dict(failures(known, wanted))
    for problem in (*problems, *broken.values()):
        log.warning("devices are left out: %s", problem)
    return tuple(device for device in wanted if device not in broken)


def check_folders(folders: Iterable[str]) -> None:
    """`[agent] cdi_dirs`. Raises ConfigError."""
    for folder in folders:
        if not folder.startswith("/") or not folder.isprintable():
            raise ConfigError(f"[agent] cdi_dirs: {folder!r} is no absolute path of a folder")


def discovered(known: Mapping[str, DeviceVendor]) -> tuple[Device, ...]:
    """All of the node, also those that the site keeps for itself or that do not work."""
    return tuple(device for vendor in known.values() for device in vendor.discover())


def chosen(devices: Sequence[Device], ids: Sequence[str], problems: Sequence[DeviceFailure] = ()) -> tuple[Device, ...]:
    """All, or those of these ids. Raises ConfigError for one that this node has not."""
    if ALL in ids:
        return tuple(devices)
    known = {device.id: device for device in devices}
    for one in ids:
        if one not in known:
            why = "".join(f"; {problem}" for problem in problems)
            raise ConfigError(f"[agent] devices: this node has no device {one!r}; it has {', '.join(known) or 'none'}{why}")
    return tuple(known[one] for one in dict.fromkeys(ids))


def failures(known: Mapping[str, DeviceVendor], devices: Iterable[Device]) -> Iterator[tuple[Device, DeviceFailure]]:
    """Devices that no container could be given now, and why."""
    for device in devices:
        try:
            known[device.vendor].passthrough((device,))
        except DeviceFailure as error:
            yield device, error


def broken(known: Mapping[str, DeviceVendor], devices: Iterable[Device]) -> Iterator[str]:
    """What keeps devices that are handed out from jobs, one sentence for each vendor: a job that is given them would fail."""
    for vendor, its in groupby(sorted(devices, key=lambda device: device.vendor), lambda device: device.vendor):
        try:
            known[vendor].passthrough(tuple(its))
        except DeviceFailure as error:
            yield str(error)
