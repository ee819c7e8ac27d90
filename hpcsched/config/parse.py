"""Tables of TOML to frozen values. A field of such a class is a key: it has a sentence, a default and bounds."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import field
from typing import Any, TypeVar

from hpcsched.errors import ConfigError, InvalidValue
from hpcsched.model.units import MAX_SECONDS, format_duration, parse_duration

Table = TypeVar("Table")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
MAX_TABLES = 10_000
"""Of one kind."""
MAX_LIST = 100_000
MAX_SHARES = 1_000_000


def setting(default: Any, about: str, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()) -> Any:
    """A field with its sentence and, for numbers, its bounds, for words that are few, these."""
    return field(default=default, metadata={"about": about, "kind": type(default), "low": low, "high": high, "choices": choices})


def choice(about: str, *choices: str) -> Any:
    """A field that is None unless it is set to one of these words."""
    return field(default=None, metadata={"about": about, "kind": str, "low": None, "high": None, "choices": choices})


def number(about: str, low: int, high: int) -> Any:
    """A field that is None unless it is set to a number within the bounds."""
    return field(default=None, metadata={"about": about, "kind": int, "low": low, "high": high, "choices": ()})


def duration(default: int, about: str) -> Any:
    """A field in whole seconds, which the file has as text, `1-12`, `90m`; 0 there is 0."""
    meta = {"about": about, "kind": "duration", "low": 0, "high": MAX_SECONDS, "choices": ()}
    return field(default=default, metadata=meta)


def share_table(about: str) -> Any:
    """A field of (name, shares), which the file has as a table of numbers, or as a list of names with one share each."""
    return field(default=(), metadata={"about": about, "kind": "shares", "low": 1, "high": MAX_SHARES, "choices": ()})


def keys(kind: type[Any]) -> tuple[dataclasses.Field[Any], ...]:
    """The fields that are keys of the table."""
    return tuple(item for item in dataclasses.fields(kind) if item.metadata)


def parse(table: Any, kind: type[Table], where: str) -> Table:
    """Settings from a table of keys. Raises ConfigError that names the key."""
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is not a table")
    fields = {item.name: item for item in keys(kind)}
    for key in table:
        if key not in fields:
            raise ConfigError(f"{where} has an unknown key {key!r}; known: {', '.join(fields)}")
    return kind(**{key: _checked(fields[key], value, f"{where} {key}") for key, value in table.items()})


def parse_named(tables: Any, kind: type[Table], where: str) -> dict[str, Table]:
    """Tables `[where.NAME]` by name, in the file's order. `where` ends with `]`. Raises ConfigError."""
    if not isinstance(tables, dict):
        raise ConfigError(f"{where} is not a table")
    if len(tables) > MAX_TABLES:
        raise ConfigError(f"{where} has {len(tables)} tables, at most {MAX_TABLES}")
    for name in tables:
        if not NAME.fullmatch(name):
            raise ConfigError(f"{where}: bad name {name!r}: up to 64 letters, digits and ._-")
    return {name: parse(table, kind, f"{where[:-1]}.{name}]") for name, table in tables.items()}


def as_written(item: dataclasses.Field[Any], value: Any) -> Any:
    """The value of the field as a file would have it."""
    kind = item.metadata["kind"]
    if kind == "duration":
        return format_duration(value) if value >= 3600 else f"{value}s" if value else 0
    return dict(value) if kind == "shares" else value


def _checked(item: dataclasses.Field[Any], value: Any, where: str) -> Any:
    wanted = item.metadata["kind"]
    if wanted == "duration":
        return _seconds(value, where)
    if wanted == "shares":
        return _shares(value, item, where)
    return _plain(item, _typed(wanted, value, where), where)


def _typed(wanted: type, value: Any, where: str) -> Any:
    if wanted is tuple and isinstance(value, list) and all(isinstance(part, str) for part in value) and len(value) <= MAX_LIST:
        return tuple(value)
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        expected = "a list of strings" if wanted is tuple else f"of type {wanted.__name__}"
        raise ConfigError(f"{where}: {value!r} is not {expected}")
    return value


def _plain(item: dataclasses.Field[Any], value: Any, where: str) -> Any:
    choices, low, high = item.metadata["choices"], item.metadata["low"], item.metadata["high"]
    if choices and value not in choices:
        raise ConfigError(f"{where}: {value!r} is not one of {', '.join(choices)}")
    if low is not None and not low <= value <= high:
        raise ConfigError(f"{where}: {value} is outside {_number(low)} to {_number(high)}")
    return value


def _number(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:g}"


def _seconds(value: Any, where: str) -> int:
    if type(value) is int and value == 0:
        return 0
    if type(value) is not str:
        raise ConfigError(f'{where}: {value!r} is no duration: write it in quotes, as "1:30:00", "2-12" or "90s"')
    try:
        return parse_duration(value)
    except InvalidValue as error:
        raise ConfigError(f"{where}: {error}") from None


def _shares(value: Any, item: dataclasses.Field[Any], where: str) -> tuple[tuple[str, int], ...]:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        value = dict.fromkeys(value, 1)
    if not isinstance(value, dict) or not all(type(part) is int for part in value.values()):
        raise ConfigError(f"{where}: {value!r} is no table of shares: write it like {{ alice = 2, bob = 1 }}")
    if len(value) > MAX_LIST:
        raise ConfigError(f"{where} has {len(value)} names, at most {MAX_LIST}")
    return tuple((name, _plain(item, part, f"{where}: {name}")) for name, part in value.items())
