"""`hpcsched drain`."""

from __future__ import annotations

import click

from hpcsched.cli import live_names
from hpcsched.cli.context import Context
from hpcsched.cli.each import for_each


@click.command(epilog='Example: hpcsched drain n1 n2 --reason "new memory"')
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=live_names.nodes)
@click.option("--reason", required=True, metavar="TEXT", help="Why; shown by `hpcsched nodes`.")
@click.pass_obj
def command(context: Context, names: tuple[str, ...], reason: str) -> int:
    """Give nodes no new job; what runs on them goes on."""
    with context.client() as client:
        return for_each(names, lambda name: client.drain(name, reason))
