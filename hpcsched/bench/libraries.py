"""The files whose code ran: by content, so that two libraries of one name are told apart.

Of a large file its size and 256 pages spread over it are hashed, the first and the last among them: a hundred megabytes of
numerical libraries would cost half a second in each sample. Two builds differ in headers and tables, so that tells them apart;
it is no seal against somebody who forges one.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from hpcsched.bench.loading import is_dynamic, loading

LOADER_LIMIT_S = 10.0
EXTENSIONS = "python extensions"
PAGE, PAGES = 4096, 256


def mapped(root: Path = Path("/")) -> list[Path]:
    """Executable files of this process' address space, proc(5): the interpreter and all shared objects."""
    try:
        lines = (root / "proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    fields = (line.split(None, 5) for line in lines)
    return sorted({Path(field[5]) for field in fields if len(field) == 6 and "x" in field[1] and field[5].startswith("/")})


def programs(settings: Mapping[str, Any]) -> list[Path]:
    """Programs that a benchmark's settings name."""
    return [path for path in map(Path, named(settings)) if path.is_file() and os.access(path, os.X_OK)]


def named(settings: Mapping[str, Any]) -> list[str]:
    """Absolute paths among a benchmark's settings; those that are no programs lie in a list or a table of theirs."""
    return [value for value in settings.values() if isinstance(value, str) and value.startswith("/")]


def needed(program: Path) -> list[Path]:
    """What the dynamic loader would map for it; nothing for a static program or a script."""
    return paths_in(traced(program))


def paths_in(listed: str) -> list[Path]:
    """Of what a loader lists."""
    return [Path(word) for word in listed.split() if word.startswith("/")]


def traced(program: Path) -> str:
    """What ldd(1) says of it; empty for a static program, a script, and one whose loader is not there."""
    if not is_dynamic(program):
        return ""
    environment, command = {**os.environ, "LD_TRACE_LOADED_OBJECTS": "1"}, [*loading(str(program)), str(program)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=LOADER_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return f"{done.stdout}\n{done.stderr}"


def hashes(files: Iterable[Path]) -> dict[str, str]:
    """`library NAME` to the 16 hexadecimal digits of a SHA-256; Python's extension modules together are one entry."""
    found: dict[str, str] = {}
    extensions = hashlib.sha256()
    for path in sorted(set(files)):
        digest = _digest(path)
        if digest and _is_extension(path):
            extensions.update(f"{path.name} {digest}\n".encode())
            found[EXTENSIONS] = extensions.hexdigest()[:16]
        elif digest:
            found[f"library {path.name}"] = digest
    return found


def _is_extension(path: Path) -> bool:
    return ".cpython-" in path.name or ".abi3." in path.name


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return _sampled(file)[:16]
    except OSError:
        return ""


def _sampled(file: BinaryIO) -> str:
    size = file.seek(0, os.SEEK_END)
    digest = hashlib.sha256(str(size).encode())
    last = max((size - 1) // PAGE, 0)
    for place in sorted({number * last // (PAGES - 1) for number in range(PAGES)}):
        file.seek(place * PAGE)
        digest.update(file.read(PAGE))
    return digest.hexdigest()
