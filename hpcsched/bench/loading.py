"""With which loader a program starts: in an image those that were compiled on the node with the node's, from a kit (`kit.py`)."""

from __future__ import annotations

import sys
from pathlib import Path

LIBRARIES = "libraries"
"""Folder of a kit's Python with the node's loader and all that it loads."""


def loading(program: str) -> tuple[str, ...]:
    """What to put before a program of the node; nothing unless this is the Python of a kit that lies beside it."""
    runtime = Path(sys.prefix)
    beside = in_a_kit() and Path(program).parent == runtime.parent
    return loader_of(runtime) if beside and is_dynamic(Path(program)) else ()


def in_a_kit() -> bool:
    """This is the Python of one, so what is around it is an image."""
    return (Path(sys.prefix) / LIBRARIES).is_dir()


def loader_of(runtime: Path) -> tuple[str, ...]:
    """The beginning of a command that runs a program with the libraries of that kit's Python."""
    libraries = runtime / LIBRARIES
    return (str(next(libraries.glob("ld-*"))), "--library-path", str(libraries))


def is_dynamic(program: Path) -> bool:
    """It names an interpreter. A static program would run instead of being looked at."""
    try:
        with program.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return head.startswith(b"\x7fELF") and b"/ld-" in head
