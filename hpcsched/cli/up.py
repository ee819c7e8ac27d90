"""`hpcsched up`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hpcsched.cli.context import ADDRESS_VARIABLE, Context
from hpcsched.cli.daemon import config_option, serve, settings
from hpcsched.config import DEFAULT_ADDRESS, AgentConfig, ControllerConfig

DEFAULT_STATE = Path("/var/lib/hpcsched")


def listen_address(address: str, state: Path | None) -> str:
    """--address; else a socket in --state; else where clients look by default."""
    return address or (f"unix://{state.absolute()}/hpcsched.sock" if state else DEFAULT_ADDRESS)


def _say_ready(address: str) -> None:
    click.echo(f"ready at {address}")
    if address != DEFAULT_ADDRESS:
        click.echo(f"in another terminal: export {ADDRESS_VARIABLE}={address}")
    sys.stdout.flush()


@click.command(epilog="Example: hpcsched up --state /tmp/try --nodes 2")
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help=f"Folder [default: {DEFAULT_STATE}]."
)
@click.option(
    "--nodes", type=click.IntRange(1, 1024), default=1, show_default=True, metavar="N", help="Agents; each owns its share."
)
@config_option
@click.pass_obj
def command(context: Context, state: Path | None, nodes: int, path: Path | None) -> int:
    """Start a controller and agents on this host, in the foreground; Ctrl-C ends the jobs too and leaves nothing behind.

    With --state the socket is in that folder. More than one node is for trying things out: each owns its share of the cores.
    Of --config all counts but addresses, names of several nodes, and folders.
    """
    listen = listen_address(context.address, state)
    from hpcsched.controller.up import Base, run_up

    base = Base(settings(path, "controller", ControllerConfig), settings(path, "agent", AgentConfig))
    return serve(run_up((state or DEFAULT_STATE).absolute(), nodes, listen, _say_ready, base), context.verbose)
