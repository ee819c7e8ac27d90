"""What `submit` and `run` were asked to run: a command after `--`, or a script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hpcsched.cli.options import given, job_options, job_spec, merged
from hpcsched.cli.script import read_script, script_options
from hpcsched.errors import InvalidValue
from hpcsched.model.job import JobSpec

_AFTER_DASHES = "hpcsched.after_dashes"


class JobCommand(click.Command):
    """Stops reading options at the first word, and remembers whether `--` stood before it."""

    allow_interspersed_args = False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        written = list(args)
        rest = super().parse_args(ctx, args)
        options = written[: len(written) - len(ctx.params.get("words") or ())]
        ctx.meta[_AFTER_DASHES] = bool(options) and options[-1] == "--"
        return rest


def what_to_run(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the job options, and the words, which arrive as `words`."""
    words = click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND... | SCRIPT [ARG]...")
    return job_options(words(command))


def asked_spec(ctx: click.Context, words: tuple[str, ...]) -> JobSpec:
    """The job that this call describes. Raises InvalidValue."""
    for word in words:
        _check_text(word)
    options = given(ctx)
    if ctx.meta.get(_AFTER_DASHES):
        return job_spec(options, words)
    body = read_script(Path(words[0]))
    options = merged(script_options(body, words[0]), options)
    return job_spec({"name": Path(words[0]).name, **options}, words[1:], body)


def _check_text(word: str) -> None:
    try:
        word.encode()
    except UnicodeEncodeError:
        raise InvalidValue(f"argument {word.encode('utf-8', 'backslashreplace').decode()!r} is not UTF-8 text") from None
