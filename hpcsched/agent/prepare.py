"""What the node adds to the controller's wish: name, limits, environment; and what it refuses."""

from __future__ import annotations

import dataclasses
import os

from hpcsched.errors import RuntimeFailure
from hpcsched.model.container import DesiredContainer, Mount
from hpcsched.runtimes.rlimits import default_rlimits

BASE_ENV = (
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("USER", "root"),
    ("LOGNAME", "root"),
    ("SHELL", "/bin/sh"),
    ("LANG", "C.UTF-8"),
)


def prepared(desired: DesiredContainer, name: str) -> DesiredContainer:
    """The same wish, as this node will carry it out."""
    env = tuple({**dict(BASE_ENV), **dict(desired.container.env)}.items())
    container = dataclasses.replace(desired.container, name=name, env=env, rlimits=default_rlimits())
    command = desired.command and dataclasses.replace(desired.command, env=env)
    return dataclasses.replace(desired, container=container, command=command)


def allowed_mounts(mounts: tuple[Mount, ...], allowed: tuple[str, ...]) -> tuple[Mount, ...]:
    """With the sources' symbolic links followed. Raises RuntimeFailure for one outside the folders that the site allows."""
    return tuple(dataclasses.replace(mount, source=_allowed(mount.source, allowed)) for mount in mounts)


def _allowed(source: str, allowed: tuple[str, ...]) -> str:
    real = os.path.realpath(source)
    if not os.path.exists(real):
        raise RuntimeFailure(f"--mount {source}: the node has no such file or folder")
    if is_allowed(real, allowed):
        return real
    raise RuntimeFailure(
        f"--mount {source} ({real} on the node) is not under {', '.join(allowed)}; an admin can add to [agent] mount_allow"
    )


def is_allowed(real: str, folders: tuple[str, ...]) -> bool:
    """That path without symbolic links is one of the folders or lies in one."""
    return any(real == folder or real.startswith(folder.rstrip("/") + "/") for folder in folders)
