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


def prepared(desired: DesiredContainer, name: str, tuning: str = "") -> DesiredContainer:
    """The same wish, as this node will carry it out; `tuning` is for a job that asks for none."""
    env = tuple({**dict(BASE_ENV), **dict(desired.container.env)}.items())
    asked = desired.container
    container = dataclasses.replace(asked, name=name, env=env, rlimits=default_rlimits(), tuning=asked.tuning or tuning)
    command = desired.command and dataclasses.replace(desired.command, env=env)
    return dataclasses.replace(desired, container=container, command=command)


def allowed_mounts(mounts: tuple[Mount, ...], allowed: tuple[str, ...]) -> tuple[Mount, ...]:
    """With the sources' symbolic links followed. Raises RuntimeFailure for one outside the folders that the site allows."""
    return tuple(dataclasses.replace(mount, source=_existing(mount.source, allowed)) for mount in mounts)


def _existing(source: str, allowed: tuple[str, ...]) -> str:
    if not os.path.exists(source):
        raise RuntimeFailure(f"--mount {source}: the node has no such file or folder")
    return allowed_path(source, allowed, f"--mount {source}")


def allowed_path(path: str, folders: tuple[str, ...], wish: str) -> str:
    """The path, symbolic links followed. Raises RuntimeFailure, which begins with the wish, when it is in none of the folders."""
    real = os.path.realpath(path)
    if any(real == folder or real.startswith(folder.rstrip("/") + "/") for folder in folders):
        return real
    raise RuntimeFailure(f"{wish}: {real} on the node is not under {', '.join(folders)}; an admin can add to [agent] mount_allow")
