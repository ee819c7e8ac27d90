"""Root file systems of containers: the node's own (`host`), a folder, or a tar archive that is unpacked once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hpcsched.errors import ImageError
from hpcsched.model.container import HOST

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.zst")
UNPACK_DEADLINE_S = 3600


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """`lower`: a folder that holds a whole root file system, never to be written to."""

    lower: Path
    kind: Literal["host", "folder", "tar"]


class ImageStore:
    """Names are looked up in `image_dir`; archives are unpacked beneath `cache_dir`, where concurrent starts share them."""

    def __init__(self, image_dir: Path, cache_dir: Path) -> None:
        self._images, self._cache = image_dir, cache_dir

    def prepare(self, image: str) -> PreparedImage:
        """Blocks while an archive is unpacked. Raises ImageError."""
        if image == HOST:
            return PreparedImage(Path("/"), "host")
        path = self._find(image)
        if path.is_dir():
            return PreparedImage(_checked(path, path), "folder")
        if not path.name.endswith(ARCHIVES):
            raise ImageError(f"image {path} is neither a folder nor one of {', '.join(ARCHIVES)}")
        return PreparedImage(self._unpacked(path), "tar")

    def _find(self, image: str) -> Path:
        candidates = [Path(image)] if image.startswith("/") else self._named(image)
        found = next((path for path in candidates if path.exists()), None)
        if found is None:
            where = "" if image.startswith("/") else f" in {self._images}"
            raise ImageError(f"no image {image!r}{where}: give host, an absolute path or a name that is there")
        return found.resolve()

    def _named(self, image: str) -> list[Path]:
        if not image or "/" in image or image.startswith(".") or "\0" in image:
            raise ImageError(f"bad image name {image[:60]!r}: give host, an absolute path or a plain name")
        return [self._images / f"{image}{ending}" for ending in ("", *ARCHIVES)]

    def _unpacked(self, archive: Path) -> Path:
        root = self._cache / _fingerprint(archive)
        if not root.is_dir():
            self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _lock(self._cache / f".{root.name}.lock"):
                if not root.is_dir():
                    self._unpack(archive, root)
        return root

    def _unpack(self, archive: Path, root: Path) -> None:
        """Into a folder beside it, then renamed: what bears its name is whole."""
        for stale in self._cache.glob(f".{root.name}.new-*"):
            shutil.rmtree(stale)
        fresh = Path(tempfile.mkdtemp(prefix=f".{root.name}.new-", dir=self._cache))
        try:
            _extract(archive, fresh)
            _checked(fresh, archive)
            os.rename(fresh, root)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise


def _fingerprint(archive: Path) -> str:
    """Of its path, size and time of change: a changed archive is another image."""
    info = archive.stat()
    digest = hashlib.sha256(f"{archive}\0{info.st_size}\0{info.st_mtime_ns}".encode()).hexdigest()[:16]
    return f"{archive.name.partition('.')[0]}-{digest}"


def _extract(archive: Path, into: Path) -> None:
    into.chmod(0o755)
    command = ["tar", "--extract", "--numeric-owner", "--same-owner", "--preserve-permissions", "--xattrs", "--xattrs-include=*"]
    try:
        done = subprocess.run(
            [*command, "--directory", str(into), "--file", str(archive)],
            capture_output=True,
            text=True,
            check=False,
            timeout=UNPACK_DEADLINE_S,
        )
    except subprocess.TimeoutExpired:
        raise ImageError(f"image {archive} was not unpacked within {UNPACK_DEADLINE_S} s: is its file system slow?") from None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["tar failed"])[0]
        raise ImageError(f"image {archive} cannot be unpacked: {reason.removeprefix('tar: ')}")


def _checked(root: Path, image: Path) -> Path:
    """A root file system has /usr or /bin, and /etc."""
    if not ((root / "etc").is_dir() and any(os.path.lexists(root / name) for name in ("usr", "bin"))):
        raise ImageError(f"image {image} is no root file system: it needs /etc and /usr or /bin at its top")
    return root


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Held by one process or thread; the kernel gives it back however the holder ends."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
