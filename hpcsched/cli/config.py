"""`hpcsched config`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hpcsched.cli.daemon import config_option, settings
from hpcsched.cli.output import Column, output_option, show
from hpcsched.config import AgentConfig, ControllerConfig

SECTIONS: tuple[tuple[str, type[ControllerConfig | AgentConfig]], ...] = (
    ("controller", ControllerConfig),
    ("agent", AgentConfig),
)


@dataclass(frozen=True, slots=True)
class Key:
    """One setting as it stands. `value` is of a TOML type."""

    table: str
    key: str
    value: Any
    default: bool
    about: str


COLUMNS: tuple[Column[Key], ...] = (
    Column("TABLE", lambda key: f"[{key.table}]"),
    Column("KEY", lambda key: key.key),
    Column("VALUE", lambda key: toml(key.value)),
    Column("", lambda key: "" if key.default else "set"),
    Column("ABOUT", lambda key: key.about, wide=True),
)
PLAIN = (lambda key: key.table, lambda key: key.key, lambda key: toml(key.value))


def keys(path: Path | None) -> list[Key]:
    """Every setting, from the file or by default. Raises ConfigError."""
    return [key for table, kind in SECTIONS for key in _section_keys(table, kind, settings(path, table, kind))]


def _section_keys(table: str, kind: type[Any], found: Any) -> list[Key]:
    values = ((item, getattr(found, item.name)) for item in dataclasses.fields(kind))
    return [Key(table, item.name, value, value == item.default, item.metadata["about"]) for item, value in values]


def toml(value: Any) -> str:
    """The value as TOML writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else str(value)


@click.group(epilog="Example: hpcsched config check --config /etc/hpcsched.toml")
def command() -> None:
    """Show or check the settings of the daemons."""


@command.command("show", epilog="Example: hpcsched config show --config /etc/hpcsched.toml")
@config_option
@output_option
def show_settings(path: Path | None, form: str) -> None:
    """List every setting, its value and what it means.

    Plain columns: table, key, value as TOML.
    """
    show(keys(path), COLUMNS, PLAIN, form)


@command.command(epilog="Example: hpcsched config check --config /etc/hpcsched.toml")
@click.option("--config", "path", type=click.Path(path_type=Path), required=True, metavar="FILE", help="Settings, TOML.")
def check(path: Path) -> None:
    """Say what is wrong with a file of settings, and exit 1, or print `ok`."""
    keys(path)
    click.echo("ok")
