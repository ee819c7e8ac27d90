"""Versions of the drivers that the kernel has loaded for devices that jobs get."""

from __future__ import annotations

from pathlib import Path

from hpcsched.hardware.host import text_of

ROOT = Path("/")
MODULES = ("nvidia", "amdgpu", "i915", "xe", "mlx5_core")


def loaded_drivers(root: Path = ROOT) -> tuple[tuple[str, str], ...]:
    """Module and version, of those that tell one: drivers that come with the kernel have none of their own.

    `root` is where /sys is found.
    """
    versions = ((name, text_of(root / "sys/module" / name / "version")) for name in MODULES)
    return tuple((name, version) for name, version in versions if version)
