"""Reads a file of ours, of which the caller knows the format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hpcsched.errors import InvalidValue

T = TypeVar("T")


def from_file(path: Path, parse: Callable[[bytes], T]) -> T:
    """Raises InvalidValue that names the file: it cannot be read, or `parse` says so."""
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise InvalidValue(f"cannot read {path}: {error.strerror}") from None
    except InvalidValue as error:
        raise InvalidValue(f"{path}: {error}") from None
