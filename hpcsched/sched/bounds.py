"""How a check refuses a value: in one short line that names it."""

from __future__ import annotations

from hpcsched.errors import InvalidValue


def within(what: str, value: int, low: int, high: int) -> None:
    """Raises InvalidValue."""
    if not low <= value <= high:
        raise InvalidValue(f"{what}: {value} is outside {low} to {high}")


def short(text: str) -> str:
    """In quotes, at most 60 characters of it, on one line and printable."""
    return ascii(text if len(text) <= 60 else text[:57] + "...")
