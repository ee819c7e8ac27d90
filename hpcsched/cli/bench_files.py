"""What a run is written to, and how it is shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hpcsched.cli.output import console, show_rows
from hpcsched.errors import InvalidValue

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hpcsched.bench.result import Result

FILE = click.Path(path_type=Path, dir_okay=False)
WRITTEN = {
    "json": "Write all samples, fingerprints and verdicts (`bench schema`).",
    "html": "Write a page with plots; it needs nothing else.",
    "csv": "Write a row for each sample and metric.",
}


def file_options(*kinds: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds --json, --html, --csv, which arrive as `json_file` and so on."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for kind in reversed(kinds):
            command = click.option(f"--{kind}", f"{kind}_file", type=FILE, metavar="FILE", help=WRITTEN[kind])(command)
        return command

    return decorate


def long_option(command: Callable[..., Any]) -> Callable[..., Any]:
    decorate = click.option("--long", is_flag=True, help="Also the control, p-values, and a sentence for each metric.")
    return decorate(command)


def check_writable(*paths: Path | None) -> None:
    """Before hours of measuring. Raises InvalidValue."""
    for path in paths:
        if path is not None and not os.access(path if path.exists() else path.parent, os.W_OK):
            raise InvalidValue(f"cannot write {path}: name a file in a folder that exists and is yours")


def write_files(
    result: Result, json_file: Path | None = None, html_file: Path | None = None, csv_file: Path | None = None
) -> None:
    """The file with the samples first: nothing that fails later takes them along."""
    from hpcsched.bench.report import write_csv, write_html, write_json

    for path, write in ((json_file, write_json), (csv_file, write_csv), (html_file, write_html)):
        if path:
            write(result, path)


def show_result(result: Result, form: str, long: bool) -> None:
    from hpcsched.bench.report import render, rows

    if form == "json":
        click.echo(result.to_json())
    elif form == "plain":
        show_rows(list(rows(result.comparisons)))
    else:
        show_rendered(lambda width: render(result, long, width))


def show_rendered(render: Callable[[int], RenderableType]) -> None:
    """What is made for rich and a width; away from a terminal without the spaces that fill its lines."""
    screen = console()
    if screen.is_terminal:
        screen.print(render(screen.width))
        return
    with screen.capture() as captured:
        screen.print(render(screen.width))
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))
