"""The limits of a table in one cell, under the names that the settings have for them."""

from __future__ import annotations

from dataclasses import fields

from hpcsched.model.site import Limits
from hpcsched.model.units import format_duration


def limits(found: Limits) -> str:
    """Those that are set, as `max_jobs=10 max_time=1:00:00`."""
    return " ".join(_written(item.name, getattr(found, item.name)) for item in fields(Limits) if getattr(found, item.name))


def _written(name: str, value: float) -> str:
    return f"max_time={format_duration(value)}" if name == "max_time_s" else f"{name}={value:g}"
