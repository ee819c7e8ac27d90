"""C kernels: compiled once on the node, and then the same file runs in both arms."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hpcsched.bench.program import answer
from hpcsched.errors import HpcschedError, MissingTool

FLAGS = ("-O3", "-march=native", "-fopenmp", "-Wall", "-Wextra", "-Werror")
COMPILE_LIMIT_S = 120.0
RUN_LIMIT_S = 3600.0
NON_TEMPORAL = re.compile(r"\b(v?movnt\w+|stnp)\b")


def default_cache() -> Path:
    """Under XDG_CACHE_HOME, else under /var/tmp: both lie on the node's root, which the `host` image shows at the same path."""
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base) / "hpcsched-bench" if base else Path(f"/var/tmp/hpcsched-bench-{os.geteuid()}")


def build(
    source: Path, cache: Path, flags: tuple[str, ...] = FLAGS, compiler: str = "", libraries: tuple[str, ...] = ("-lm",)
) -> Path:
    """The program from that source and the headers beside it; its name holds a hash of them, of flags, compiler and CPU.

    `compiler`: a path; empty: the C compiler that is there. Raises MissingTool.
    """
    chosen = compiler or c_compiler()
    private_folder(cache)
    version = _version(chosen)
    target = cache / f"{source.stem}-{_key(source, version, (*flags, *libraries))}"
    if not (target.exists() and _note(target).exists()):
        _compile([chosen, *flags], source, target, libraries)
        _note(target).write_text(f"{_named(version)}: {' '.join(flags)}")
    return target


def identity(program: Path) -> dict[str, str]:
    """Of one that `build` made: its digest, and the compiler's version and flags."""
    return {"program": digest(program), "compiled": _note(program).read_text()}


def _note(program: Path) -> Path:
    """How it was compiled lies beside it."""
    return program.with_name(f"{program.name}.txt")


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


def run(program: Path, *arguments: object, cpus: Iterable[int] = ()) -> dict[str, Any]:
    """The JSON object that it prints. OpenMP gets a thread on each of those PUs, in that order, unless OMP_PROC_BIND is set.

    Raises WrongResult when its own check failed, HpcschedError when it cannot run or ran another number of threads.
    """
    places = list(cpus)
    found = answer([str(program), *map(str, arguments)], _openmp(places), RUN_LIMIT_S)
    if places and found.get("threads") != len(places):
        raise HpcschedError(f"it ran {found.get('threads')} threads on {len(places)} cores: unset OMP_THREAD_LIMIT and the like")
    return found


def _openmp(cpus: list[int]) -> dict[str, str]:
    if not cpus:
        return {}
    places = ",".join(f"{{{cpu}}}" for cpu in cpus)
    bind = os.environ.get("OMP_PROC_BIND", "true")
    return {"OMP_NUM_THREADS": str(len(cpus)), "OMP_PLACES": places, "OMP_PROC_BIND": bind, "OMP_DYNAMIC": "false"}


def stores(program: Path, functions: tuple[str, ...]) -> dict[str, str]:
    """How the compiler writes to memory in each of these functions; empty without objdump (binutils)."""
    if shutil.which("objdump") is None:
        return {}
    command = ["objdump", "-d", "--no-show-raw-insn", str(program)]
    listing = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMPILE_LIMIT_S).stdout
    blocks = list(_functions(listing))
    return {name: _kind("\n".join(body for title, body in blocks if title.split(".")[0] == name)) for name in functions}


def _functions(listing: str) -> Iterator[tuple[str, str]]:
    for block in re.split(r"\n\n", listing):
        title = re.match(r"[0-9a-f]+ <([^>]+)>:", block.lstrip())
        if title:
            yield title[1], block


def _kind(body: str) -> str:
    if not body:
        return "inlined"
    if NON_TEMPORAL.search(body):
        return "non-temporal"
    return "memcpy" if "<memcpy" in body or "<memmove" in body else "ordinary"


def _key(source: Path, version: bytes, flags: tuple[str, ...]) -> str:
    headers = (header.read_bytes() for header in sorted(source.parent.glob("*.h")))
    parts = (source.read_bytes(), *headers, " ".join(flags).encode(), version, _cpu_flags())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _version(compiler: str) -> bytes:
    """Raises HpcschedError."""
    try:
        return subprocess.run([compiler, "--version"], capture_output=True, check=False, timeout=COMPILE_LIMIT_S).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HpcschedError(f"cannot ask {compiler} for its version: {error}; is it a compiler?") from None


def _named(version: bytes) -> str:
    """The line that tells it: gcc's first one, nvcc's with its release."""
    lines = version.decode(errors="replace").splitlines() or ["an unknown compiler"]
    return next((line for line in lines if "release" in line), lines[0])


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


def private_folder(cache: Path) -> None:
    """A folder that others can write could hand us their program."""
    try:
        cache.mkdir(mode=0o755, parents=True, exist_ok=True)
        found = cache.lstat()
    except OSError as error:
        raise HpcschedError(f"cannot use {cache} for compiled kernels: {error.strerror}; name another with --cache") from None
    foreign = found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if foreign or not stat.S_ISDIR(found.st_mode):
        raise HpcschedError(f"{cache} is no folder of ours alone (owner, mode): remove it or name another with --cache")
