"""Plug-ins: a kind and a name to a class, through entry points of the group `hpcsched.KIND`."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from hpcsched.errors import NotFound

_ONE = {"policies": "policy", "stores": "store", "runtimes": "runtime", "devices": "device vendor"}


def load(kind: str, name: str) -> Any:
    """The object behind the entry point `name` of `hpcsched.KIND` (policies, stores, runtimes). Raises NotFound."""
    found = entry_points(group=f"hpcsched.{kind}", name=name)
    if not found:
        raise NotFound(f"no {_ONE[kind]} {name!r}; there are: {', '.join(names(kind)) or 'none'}")
    return next(iter(found)).load()


def names(kind: str) -> tuple[str, ...]:
    """Names of all plug-ins of that kind, sorted."""
    return tuple(sorted(point.name for point in entry_points(group=f"hpcsched.{kind}")))
