"""Shared libraries of the node: where they lie, and by which names programs ask for them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hpcsched.devices.tree import Tree

CACHE = "/etc/ld.so.cache"
FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/nvidia/lib64",
)
_LIBRARY = re.compile(r"lib[^/]*\.so(?:\.[^/]*)?")
_ELF64 = b"\x7fELF\x02"


def is_library(path: str) -> bool:
    return bool(_LIBRARY.fullmatch(path.rpartition("/")[2]))


def folders_of(tree: Tree, stem: str) -> tuple[str, ...]:
    """Folders, links followed, that hold a library of that stem (`libcuda`): those of ld.so(8)'s cache, then the usual ones."""
    cached = re.findall(rb"/[^\0\n]*/" + re.escape(stem.encode()) + rb"\.so[^\0\n]*", _cache(tree))
    places = [tree.resolved(path.decode(errors="replace")) for path in cached]
    folders = [path.rpartition("/")[0] for path in places]
    usual = [tree.resolved(folder) for folder in FOLDERS]
    found = [folder for folder in usual if any(name.startswith(f"{stem}.so") for name in tree.names(folder))]
    return tuple(dict.fromkeys(folder for folder in (*folders, *found) if tree.exists(folder)))


def of_version(tree: Tree, folders: Iterable[str], version: str) -> tuple[str, ...]:
    """Files `lib*.so.VERSION` of 64 bits in these folders, links followed; of two of one name the first."""
    found: dict[str, str] = {}
    for folder in folders:
        for name in tree.names(folder):
            if name.endswith(f".so.{version}") and is_library(name) and _is_elf64(tree, f"{folder}/{name}"):
                found.setdefault(name, tree.resolved(f"{folder}/{name}"))
    return tuple(found.values())


def names_of(tree: Tree, files: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(name, file) for every name in a file's own folder that leads to it: as ldconfig(8) made them, `libcuda.so.1`."""
    wanted = set(files)
    found = [
        (name, path)
        for folder in sorted({path.rpartition("/")[0] for path in wanted})
        for name in tree.names(folder)
        if is_library(name) and (path := tree.resolved(f"{folder}/{name}")) in wanted
    ]
    return tuple(dict(reversed(found)).items())


def _cache(tree: Tree) -> bytes:
    try:
        return tree.at(CACHE).read_bytes()
    except OSError:
        return b""


def _is_elf64(tree: Tree, path: str) -> bool:
    try:
        with tree.at(tree.resolved(path)).open("rb") as file:
            return file.read(len(_ELF64)) == _ELF64
    except OSError:
        return False
