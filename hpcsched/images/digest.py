"""What an image is, as a digest that another image does not have."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from hpcsched.images.store import ARCHIVES
from hpcsched.model.container import HOST

_LENGTH = 32
_SYSTEM = ("etc/os-release", "var/lib/dpkg/status", "var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages", "lib/apk/db/installed")
"""What distribution and packages are there; which of them, their own databases say."""


class Digests:
    """Archives by their content, which is read again when size or time of change differ (remembered in the file `known`).
    Folders, and the node's own root, by the databases of the packages that are installed there: a file that someone changed by
    hand does not show.
    """

    def __init__(self, images: Path, known: Path, root: Path = Path("/")) -> None:
        self._images, self._file, self._root = images, known, root
        self._known = _read(known)

    def names(self) -> list[str]:
        """`host`, and those that lie in the folder of images."""
        there = sorted(path.name for path in self._images.iterdir()) if self._images.is_dir() else []
        return list(dict.fromkeys([HOST, *(_name(name) for name in there if not name.startswith("."))]))

    def of(self, name: str) -> str:
        """Hexadecimal; empty where there is no such image, it cannot be read, or nothing in it says what is installed."""
        if name == HOST:
            return _system(self._root)
        path = next((path for ending in ("", *ARCHIVES) if (path := self._images / f"{name}{ending}").exists()), None)
        try:
            return "" if path is None else _system(path) if path.is_dir() else self._archive(path)
        except OSError:
            return ""

    def _archive(self, path: Path) -> str:
        info = path.stat()
        key = f"{path} {info.st_size} {info.st_mtime_ns}"
        if key not in self._known:
            with path.open("rb") as file:
                self._known[key] = hashlib.file_digest(file, "sha256").hexdigest()[:_LENGTH]
            self._keep()
        return self._known[key]

    def _keep(self) -> None:
        """Only of archives that are still there. A digest that cannot be kept is worked out again."""
        self._known = {key: digest for key, digest in self._known.items() if Path(key.rsplit(" ", 2)[0]).exists()}
        fresh = self._file.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(self._known))
            os.replace(fresh, self._file)
        except OSError:
            fresh.unlink(missing_ok=True)


def _name(file: str) -> str:
    ending = max((ending for ending in ARCHIVES if file.endswith(ending)), key=len, default="")
    return file.removesuffix(ending)


def _system(root: Path) -> str:
    told = b"".join(_parts(root))
    return hashlib.sha256(told).hexdigest()[:_LENGTH] if told else ""


def _parts(root: Path) -> Iterator[bytes]:
    for name in _SYSTEM:
        try:
            with (root / name).open("rb") as file:
                yield name.encode() + hashlib.file_digest(file, "sha256").digest()
        except OSError:
            continue


def _read(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
