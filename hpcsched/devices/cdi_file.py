"""CDI files as they are written (Container Device Interface specification, "CDI JSON Specification"): JSON or YAML to values."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from hpcsched.devices.tree import Tree
from hpcsched.errors import DeviceFailure

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_KNOWN = 64
"""So many files are kept as they were parsed."""
FRESH_S = 2.0
"""A file changed that lately may change again without another time of change, which comes in ticks of the kernel's clock."""
SUFFIXES = (".json", ".yaml", ".yml")
_VERSION = re.compile(r"v?(?:0\.[1-8]|1\.\d+)\.\d+")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]/[A-Za-z][A-Za-z0-9_-]*")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.:-]*[A-Za-z0-9])?")
_MEND = "correct it, or take it away"


class Node(msgspec.Struct, rename="camel"):
    path: str
    host_path: str = ""
    type: str = ""
    major: int = 0
    minor: int = 0
    permissions: str = ""


class FileMount(msgspec.Struct, rename="camel"):
    host_path: str
    container_path: str
    options: list[str] = []
    type: str = ""


class Hook(msgspec.Struct, rename="camel"):
    hook_name: str
    path: str
    args: list[str] = []


class Edits(msgspec.Struct, rename="camel"):
    env: list[str] = []
    device_nodes: list[Node] = []
    mounts: list[FileMount] = []
    hooks: list[Hook] = []
    net_devices: list[Any] = []
    intel_rdt: Any = None
    additional_gids: list[int] = []


class NamedDevice(msgspec.Struct, rename="camel"):
    name: str
    container_edits: Edits


class CdiFile(msgspec.Struct, rename="camel"):
    cdi_version: str
    kind: str
    devices: list[NamedDevice]
    container_edits: Edits = msgspec.field(default_factory=Edits)


def read_cdi(tree: Tree, path: str) -> CdiFile:
    """Raises DeviceFailure, which names the file, for one that is malformed, huge or of an unknown version."""
    place = tree.at(tree.resolved(path))
    try:
        stamp = _stamp(place)
        return _known(place, path, stamp) if stamp else _parsed(place, path)
    except OSError as error:
        raise DeviceFailure(f"CDI file {path}: {error.strerror}", _MEND) from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DeviceFailure(f"CDI file {path}: {' '.join(str(error).split())}", _MEND) from None


def cdi_files(tree: Tree, folder: str) -> list[str]:
    return [f"{folder}/{name}" for name in tree.names(folder) if name.endswith(SUFFIXES)]


def _stamp(place: Path) -> tuple[int, ...]:
    """The same for as long as the file is; empty when it is too young to tell. Raises OSError, ValueError."""
    if not place.is_file():
        raise ValueError("is no file")
    found = os.stat(place)
    if abs(time.time_ns() - found.st_mtime_ns) < FRESH_S * 1e9:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@lru_cache(MAX_KNOWN)
def _known(place: Path, path: str, stamp: tuple[int, ...]) -> CdiFile:
    """Parsed once for each stamp; who is given it must not change it."""
    return _parsed(place, path)


def _parsed(place: Path, path: str) -> CdiFile:
    return _checked(_decoded(path, _bytes(place)))


def _bytes(place: Path) -> bytes:
    with place.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes")
    return data


def _decoded(path: str, data: bytes) -> CdiFile:
    if path.endswith(".json"):
        return msgspec.json.decode(data, type=CdiFile)
    return msgspec.convert(_yaml(data), type=CdiFile)


def _yaml(data: bytes) -> Any:
    """Neither deep nor with aliases, by which a small file could stand for a huge one, nor with types of YAML's own (`!!int ""`).

    Looked at before anything is built.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    try:
        for event in yaml.parse(data, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > MAX_DEPTH:
                raise ValueError(f"aliases of YAML (*name) and more than {MAX_DEPTH} levels are not read")
            if getattr(event, "tag", None):
                raise ValueError("types of YAML (!!name) are not read")
        return yaml.load(data, Loader=loader)
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML: {error}") from None


def _checked(file: CdiFile) -> CdiFile:
    for wrong in _faults(file):
        raise ValueError(wrong)
    return file


def _faults(file: CdiFile) -> Iterator[str]:
    if not _VERSION.fullmatch(file.cdi_version):
        yield f"cdiVersion {file.cdi_version!r} is not known: 0.1.0 to 1.x are"
    if not _KIND.fullmatch(file.kind):
        yield f"kind {file.kind!r} is not of the form vendor.com/class"
    names = [device.name for device in file.devices]
    yield from (f"device name {name!r} has a character that is not allowed" for name in names if not _NAME.fullmatch(name))
    yield from (f"device name {name!r} is there twice" for name in names if names.count(name) > 1)
