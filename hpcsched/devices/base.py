"""What knows one vendor's devices: what is there, and what a container needs to use some of it.

`tests/contract/test_device.py` proves it for each over made-up trees of /sys, /dev and /proc.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hpcsched.errors import DeviceFailure
from hpcsched.model.container import DeviceNode, Mount
from hpcsched.model.device import Device

CDI_DIRS = ("/etc/cdi", "/var/run/cdi")
"""Where CDI files lie (CDI specification, "CDI JSON Specification"); a later folder overrides an earlier one."""


@dataclass(frozen=True, slots=True)
class Passthrough:
    """What goes into the container.

    `nodes`: device nodes that exist and open inside. `mounts`: driver files at their places, read-only. `libraries`: (name, path
    on the node) of driver libraries that an image without them finds in a folder of their own. `env`: variables of the container.
    `drivers`: names and versions, for the receipt. Paths on the node have no symbolic link in them.
    """

    nodes: tuple[DeviceNode, ...] = ()
    mounts: tuple[Mount, ...] = ()
    libraries: tuple[tuple[str, str], ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    drivers: tuple[tuple[str, str], ...] = ()


def merged(parts: Iterable[Passthrough]) -> Passthrough:
    """All of them together, each thing once; of two values of a variable the last counts."""
    found = list(parts)
    return Passthrough(
        nodes=tuple(dict.fromkeys(node for part in found for node in part.nodes)),
        mounts=tuple(dict.fromkeys(mount for part in found for mount in part.mounts)),
        libraries=tuple({name: (name, path) for part in found for name, path in part.libraries}.values()),
        env=tuple({name: value for part in found for name, value in part.env}.items()),
        drivers=tuple(dict.fromkeys(driver for part in found for driver in part.drivers)),
    )


class DeviceVendor(Protocol):
    """`root`: where the node's /sys, /dev, /proc, /usr and /etc lie; `/` on a real node. Nothing is written.

    `looked_for`: the files whose absence means that the node has none of these devices.
    """

    name: str
    looked_for: str

    def __init__(self, root: Path = Path("/"), cdi_dirs: Sequence[str] = CDI_DIRS) -> None: ...

    def discover(self) -> tuple[Device, ...]:
        """All devices of this vendor that a driver serves, by PCI address; none without that hardware."""

    def problems(self) -> tuple[DeviceFailure, ...]:
        """What hides devices from `discover`: a file that cannot be read or is refused."""

    def nodes(self) -> tuple[DeviceNode, ...]:
        """Every device node of this vendor, granted or not: what a container must not open unless it was granted."""

    def passthrough(self, devices: Sequence[Device]) -> Passthrough:
        """What a container needs for these devices of this vendor; nothing for none.

        Raises DeviceFailure, one sentence that says what to do, when a device is gone or driver and libraries disagree.
        """

    def visible(self, there: Sequence[Device], mine: Sequence[Device]) -> tuple[tuple[str, str], ...]:
        """The variables by which a process that could open the devices `there` uses only `mine`."""
