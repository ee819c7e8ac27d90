"""`hpcsched completion`."""

from __future__ import annotations

import sys

import click
from click.shell_completion import get_completion_class

PROGRAM, VARIABLE = "hpcsched", "_HPCSCHED_COMPLETE"
_PLACES = {
    "bash": "hpcsched completion bash > /etc/bash_completion.d/hpcsched",
    "zsh": 'hpcsched completion zsh > "${fpath[1]}/_hpcsched"',
    "fish": "hpcsched completion fish > ~/.config/fish/completions/hpcsched.fish",
}


@click.command(epilog="Example: hpcsched completion bash > /etc/bash_completion.d/hpcsched")
@click.argument("shell", type=click.Choice(tuple(_PLACES)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in a shell, and on stderr where to put it."""
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, PROGRAM, VARIABLE).source())
    if sys.stdout.isatty():
        click.echo(f"# to install it: {_PLACES[shell]}", err=True)
