"""`hpcsched resume`."""

from __future__ import annotations

import click

from hpcsched.cli.context import Context
from hpcsched.cli.each import for_each


@click.command(epilog="Example: hpcsched resume n1")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.pass_obj
def command(context: Context, names: tuple[str, ...]) -> int:
    """Give drained nodes jobs again; a node that is DOWN comes back when its agent does."""
    with context.client() as client:
        return for_each(names, client.resume)
