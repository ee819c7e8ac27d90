"""Job scripts: their text, and the options in their #HPCSCHED lines."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from hpcsched.cli.options import JOB_OPTIONS, given, merged
from hpcsched.errors import InvalidValue

MARK = "#HPCSCHED"
MAX_BYTES = 1 << 20


def read_script(path: Path) -> bytes:
    """The script's bytes. Raises InvalidValue when it is not there, too large, or has no `#!` line."""
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidValue(f"script {str(path)!r}: {error.strerror}; to run a command, put `--` before it") from None
    if len(body) > MAX_BYTES:
        raise InvalidValue(f"script {str(path)!r} is larger than 1M")
    if not body.startswith(b"#!"):
        raise InvalidValue(f"script {str(path)!r} does not begin with `#!`; to run a command, put `--` before it")
    return body


def script_options(body: bytes, name: str) -> dict[str, Any]:
    """The job options of the #HPCSCHED lines in the script's leading comments; a later line wins.

    Raises InvalidValue that names the line.
    """
    options: dict[str, Any] = {}
    for number, text in _marked_lines(body):
        options = merged(options, _line_options(text, f"{name}:{number}"))
    return options


def _marked_lines(body: bytes) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(body.decode("utf-8", "surrogateescape").split("\n"), start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            return
        word, _, rest = text.partition(" ")
        if word == MARK:
            yield number, rest


def _line_options(text: str, where: str) -> dict[str, Any]:
    command = click.Command("script", params=list(JOB_OPTIONS), add_help_option=False)
    try:
        words = shlex.split(text, comments=True)
        with command.make_context(where, words) as ctx:
            return given(ctx)
    except ValueError as error:
        raise InvalidValue(f"{where}: {error}") from None
    except click.UsageError as error:
        raise InvalidValue(f"{where}: {error.format_message()}") from None
