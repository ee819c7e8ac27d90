"""C kernels: compiled once on the node, and then the same file runs in both arms."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from hpcsched.errors import HpcschedError, MissingTool

FLAGS = ("-O3", "-march=native", "-fopenmp", "-Wall", "-Werror")
COMPILE_LIMIT_S = 120.0


def default_cache() -> Path:
    """Under XDG_CACHE_HOME, else under /var/tmp: both lie on the node's root, which the `host` image shows at the same path."""
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base) / "hpcsched-bench" if base else Path(f"/var/tmp/hpcsched-bench-{os.geteuid()}")


def build(
    source: Path, cache: Path, flags: tuple[str, ...] = FLAGS, compiler: str = "", libraries: tuple[str, ...] = ("-lm",)
) -> Path:
    """The program from that source; its name holds a hash of source, flags, compiler and CPU. Raises MissingTool.

    `compiler`: a path; empty: the C compiler that is there.
    """
    chosen = compiler or c_compiler()
    _private_folder(cache)
    target = cache / f"{source.stem}-{_key(source, chosen, (*flags, *libraries))}"
    if not target.exists():
        _compile([chosen, *flags], source, target, libraries)
    return target


def c_compiler() -> str:
    """Its path. Raises MissingTool."""
    found = shutil.which("cc") or shutil.which("gcc")
    if found is None:
        raise MissingTool("no C compiler (cc) on this node; install one: apt install gcc libc6-dev")
    return found


def digest(path: Path) -> str:
    """First 16 hexadecimal digits of the file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _key(source: Path, compiler: str, flags: tuple[str, ...]) -> str:
    version = subprocess.run([compiler, "--version"], capture_output=True, check=False, timeout=COMPILE_LIMIT_S).stdout
    parts = (source.read_bytes(), " ".join(flags).encode(), version, _cpu_flags())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _cpu_flags() -> bytes:
    lines = Path("/proc/cpuinfo").read_bytes().splitlines()
    return b"".join(next((line for line in lines if line.startswith(name)), b"") for name in (b"model name", b"flags"))


def _compile(command: list[str], source: Path, target: Path, libraries: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / target.name
        arguments = [*command, "-o", str(made), str(source), *libraries]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=COMPILE_LIMIT_S)
        if done.returncode:
            first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:200])
            raise HpcschedError(f"cannot compile {source.name}: {first}; is libc6-dev (and libgomp) installed?")
        made.chmod(0o755)
        made.replace(target)


def _private_folder(cache: Path) -> None:
    """A folder that others can write could hand us their program."""
    try:
        cache.mkdir(mode=0o755, parents=True, exist_ok=True)
        found = cache.lstat()
    except OSError as error:
        raise HpcschedError(f"cannot use {cache} for compiled kernels: {error.strerror}; name another with --cache") from None
    foreign = found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if foreign or not stat.S_ISDIR(found.st_mode):
        raise HpcschedError(f"{cache} is no folder of ours alone (owner, mode): remove it or name another with --cache")
