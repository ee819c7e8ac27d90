"""`hpcsched config`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hpcsched import config
from hpcsched.cli.daemon import config_option, settings
from hpcsched.cli.output import Column, output_option, show
from hpcsched.config import BUILT_IN, AgentConfig, ControllerConfig, Tuning
from hpcsched.config.canary import CanaryConfig
from hpcsched.config.parse import as_written
from hpcsched.config.site import PriorityTable

SECTIONS: tuple[tuple[str, type[ControllerConfig | AgentConfig | CanaryConfig]], ...] = (
    ("controller", ControllerConfig),
    ("canary", CanaryConfig),
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
    found = [(table, settings(path, table, kind)) for table, kind in SECTIONS]
    tunings = [key for _, values in found if isinstance(values, AgentConfig) for key in _tuning_keys(values.tunings)]
    sections = [key for table, values in found for key in _section_keys(table, values)]
    return [*sections, *tunings, *_site_keys(config.site_tables(path) if path else [("priority", PriorityTable())])]


def _section_keys(table: str, found: ControllerConfig | AgentConfig | CanaryConfig) -> list[Key]:
    values = ((item, getattr(found, item.name)) for item in config.keys(type(found)))
    return [
        Key(table, item.name, as_written(item, value), value == item.default, item.metadata["about"]) for item, value in values
    ]


def _tuning_keys(tunings: tuple[tuple[str, Tuning], ...]) -> list[Key]:
    """What each of them sets; those that are built in count as defaults."""
    return [
        Key(f"tuning.{name}", item.name, value, dict(BUILT_IN).get(name) == tuning, _about(item.metadata))
        for name, tuning in tunings
        for item in config.keys(Tuning)
        if (value := getattr(tuning, item.name)) is not None
    ]


def _site_keys(tables: list[tuple[str, Any]]) -> list[Key]:
    """All of `[priority]`; of tables with a name, what they set."""
    return [
        Key(table, item.name, as_written(item, value), value == item.default, _about(item.metadata))
        for table, values in tables
        for item in config.keys(type(values))
        if (value := getattr(values, item.name)) != item.default or table == "priority"
    ]


def _about(metadata: Mapping[str, Any]) -> str:
    """With the words that it may be, where there are several."""
    choices = metadata["choices"]
    return f"{metadata['about']}: {', '.join(choices)}" if len(choices) > 1 else metadata["about"]


def toml(value: Any) -> str:
    """The value as TOML writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml(name)} = {part}" for name, part in value.items()) + " }"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else str(value)


@click.group(epilog="Example: hpcsched config check --config /etc/hpcsched.toml")
def command() -> None:
    """Show or check the settings of the daemons."""


@command.command("show", epilog="Example: hpcsched config show --config /etc/hpcsched.toml")
@config_option
@output_option
def show_settings(path: Path | None, form: str) -> None:
    """List every setting, its value and what it means.

    A table [tuning.NAME] takes governor, transparent_hugepage, numa_balancing, perf_event_paranoid and irq_affinity; jobs ask for
    it with --tuning NAME. docs/site.md describes [priority], [partition.NAME], [qos.NAME] and [account.NAME].

    Plain columns: table, key, value as TOML.
    """
    show(keys(path), COLUMNS, PLAIN, form)


@command.command(epilog="Example: hpcsched config check --config /etc/hpcsched.toml")
@click.option("--config", "path", type=click.Path(path_type=Path), required=True, metavar="FILE", help="Settings, TOML.")
def check(path: Path) -> None:
    """Say what is wrong with a file of settings, and exit 1, or print `ok`.

    What the daemons refuse on any node is found; which CPUs and devices a node has is not looked at.
    """
    from hpcsched.agent import settings as agent
    from hpcsched.controller import settings as controller

    controller.check(settings(path, "controller", ControllerConfig))
    agent.check(settings(path, "agent", AgentConfig))
    click.echo("ok")
