"""What a certificate of this node hangs on, beside its hardware."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

from hpcsched.config import AgentConfig
from hpcsched.hardware.cgroup_layout import Layout
from hpcsched.hardware.drivers import loaded_drivers
from hpcsched.hardware.host import kernel_version, text_of
from hpcsched.images.digest import Digests
from hpcsched.model.certificate import Facts

MOST_IMAGES = 64
_SETTINGS = ("cpu_partition", "tuning")


def node_facts(config: AgentConfig, layout: Layout, version: str, machine: str, root: Path = Path("/")) -> Facts:
    """By name; images by their digests, of those in `image_dir` the first 64."""
    found = {
        "kernel": kernel_version(root),
        "command line": _command_line(root),
        "machine": machine,
        "libc": " ".join(platform.libc_ver()),
        "profile": " ".join(_profile(config, layout, version)),
        **{f"driver {name}": which for name, which in loaded_drivers(root)},
        **dict(_images(config, root)),
    }
    return tuple(sorted((name, value) for name, value in found.items() if value))


def _command_line(root: Path) -> str:
    """The kernel's, without what names its image and root."""
    words = text_of(root / "proc/cmdline").split()
    return " ".join(word for word in words if word.partition("=")[0] not in ("BOOT_IMAGE", "root", "initrd"))


def _profile(config: AgentConfig, layout: Layout, version: str) -> Iterator[str]:
    """How containers are made and confined."""
    yield f"hpcsched {version}"
    yield f"liblxc {_lxc_version()}"
    yield "cgroup " + "+".join(sorted({f"v{one.version}" for one in layout.hierarchies if one.controllers}))
    yield from (f"{name} {value}" for name in _SETTINGS if (value := getattr(config, name)))


def _lxc_version() -> str:
    try:
        import lxc
    except ImportError:
        return "none"
    return str(lxc.version)


def _images(config: AgentConfig, root: Path) -> Iterator[tuple[str, str]]:
    digests = Digests(Path(config.image_dir), Path(config.state_dir) / "digests.json", root)
    for name in digests.names()[:MOST_IMAGES]:
        yield f"image {name}", digests.of(name)
