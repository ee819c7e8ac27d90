"""The command `hpcsched`: finds the subcommand, and is the one place that prints errors."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import click
from click.shell_completion import CompletionItem

from hpcsched import __version__
from hpcsched.cli.commands import ENTRIES, SECTIONS
from hpcsched.cli.context import ADDRESS_VARIABLE, Context
from hpcsched.config import DEFAULT_ADDRESS
from hpcsched.errors import HpcschedError, InvalidValue

FAILED, WRONG_CALL, INTERRUPTED = 1, 2, 130


class LazyGroup(click.Group):
    """Knows its subcommands by name only, and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(ENTRIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = ENTRIES.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = importlib.import_module(f"hpcsched.cli.{entry.module}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in ENTRIES and not ctx.resilient_parsing:
            near = get_close_matches(args[0], ENTRIES, 1)
            ctx.fail(f"no command {args[0]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, entries in SECTIONS:
            with formatter.section(title):
                formatter.write_dl([(entry.name, entry.about) for entry in entries])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [CompletionItem(entry.name, help=entry.about) for entry in ENTRIES.values() if entry.name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    click.echo(f"hpcsched {__version__}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    epilog="Example: hpcsched run -- hostname",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    no_args_is_help=True,
)
@click.option(
    "--address", default="", metavar="ADDRESS", help=f"Controller [default: ${ADDRESS_VARIABLE}, or {DEFAULT_ADDRESS}]."
)
@click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version and exit."
)
@click.pass_context
def cli(ctx: click.Context, address: str, verbose: bool) -> None:
    """One CPU-pinned Linux container on each node, as fast as bare metal, and the proof of it."""
    given = ctx.obj or Context()
    ctx.obj = Context(address or given.address, verbose, given.connect, given.now)


def invoke(args: Sequence[str], context: Context | None = None) -> int:
    """Run one call and return its exit code; prints any error as one line on stderr."""
    try:
        result: Any = cli.main(list(args), prog_name="hpcsched", standalone_mode=False, obj=context)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return WRONG_CALL
    except (click.ClickException, HpcschedError, OSError) as error:
        click.echo(f"hpcsched: {' '.join(_sentence(error).split())}", err=True)
        return WRONG_CALL if isinstance(error, click.ClickException | InvalidValue) else FAILED
    return result if isinstance(result, int) else 0


def _sentence(error: click.ClickException | HpcschedError | OSError) -> str:
    if isinstance(error, click.UsageError) and error.ctx:
        return f"{error.format_message()} (see: {error.ctx.command_path} --help)"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return error.format_message() if isinstance(error, click.ClickException) else str(error)


def main() -> None:
    """The console script."""
    sys.exit(invoke(sys.argv[1:]))


if __name__ == "__main__":
    main()
