"""Listings as a table, as JSON or as plain text."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import click

from hpcsched.cli.fields import plain_data

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")
PIPE_WIDTH = 160
FORMS = ("table", "json", "plain")
_COLOURS = {
    "RUNNING": "green",
    "IDLE": "green",
    "ok": "green",
    "PENDING": "yellow",
    "CONFIGURING": "yellow",
    "COMPLETING": "yellow",
    "DRAINING": "yellow",
    "DRAINED": "yellow",
    "warn": "yellow",
    "FAILED": "red",
    "TIMEOUT": "red",
    "OUT_OF_MEMORY": "red",
    "NODE_FAIL": "red",
    "DOWN": "red",
    "fail": "red",
}


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """`wide`: may be wrapped on a narrow terminal."""

    title: str
    text: Callable[[T], str]
    right: bool = False
    wide: bool = False


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --output, which arrives as the parameter `form`."""
    decorate = click.option(
        "--output", "form", type=click.Choice(FORMS), default="table", show_default=True, help="plain: tab-separated, no header."
    )
    return decorate(command)


def show(items: Sequence[T], columns: Sequence[Column[T]], plain: Sequence[Callable[[T], str]], form: str) -> None:
    """Print a listing: `columns` are for people, `plain` for scripts; JSON holds every field of each item."""
    if form == "json":
        show_json(items)
    elif form == "plain":
        show_rows([[cell(item) for cell in plain] for item in items])
    else:
        _show_table(items, columns)


def show_json(value: Any) -> None:
    click.echo(json.dumps(plain_data(value), indent=2, ensure_ascii=False))


def show_rows(rows: Sequence[Sequence[str]]) -> None:
    """Tab-separated lines; a tab, line break or other control character in a value becomes a space."""
    for row in rows:
        click.echo("\t".join(clean(cell) for cell in row))


def show_facts(facts: Sequence[tuple[str, str]], form: str, whole: Any) -> None:
    """Print one thing as name and value pairs; JSON prints `whole`."""
    if form == "json":
        show_json(whole)
    elif form == "plain":
        show_rows(facts)
    else:
        width = max((len(name) for name, _ in facts), default=0)
        for name, value in facts:
            click.echo(f"{name:<{width}}  {clean(value)}".rstrip())


def console() -> Console:
    """rich's, for stdout; away from a terminal it is wide and colourless, so that nothing is cut."""
    from rich.console import Console

    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=PIPE_WIDTH, no_color=True)


def show_drawing(drawing: object) -> None:
    """Print text as it is, and anything else as rich draws it."""
    if isinstance(drawing, str):
        click.echo(drawing)
    else:
        console().print(drawing)


def clean(text: str) -> str:
    """The text on one line, and without what could steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def _show_table(items: Sequence[T], columns: Sequence[Column[T]]) -> None:
    cells = [[clean(column.text(item)) for column in columns] for item in items]
    if sys.stdout.isatty():
        _show_coloured(cells, columns)
    else:
        _show_aligned(cells, columns)


def _show_aligned(cells: list[list[str]], columns: Sequence[Column[T]]) -> None:
    rows = [[column.title for column in columns], *cells]
    widths = [max(len(row[index]) for row in rows) for index in range(len(columns))]
    for row in rows:
        parts = [
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ]
        click.echo("  ".join(parts).rstrip())


def _show_coloured(cells: list[list[str]], columns: Sequence[Column[T]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.title, justify="right" if column.right else "left", no_wrap=not column.wide, overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    console().print(table)
