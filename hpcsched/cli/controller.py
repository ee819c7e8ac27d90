"""`hpcsched controller`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from hpcsched.cli.context import Context
from hpcsched.cli.daemon import config_option, say_ready, serve, settings
from hpcsched.config import ControllerConfig


@click.command(epilog="Example: hpcsched controller --config /etc/hpcsched.toml")
@config_option
@click.option(
    "--insecure", is_flag=True, help="Allow TCP on other addresses than loopback, without encryption or authentication."
)
@click.pass_obj
def command(context: Context, path: Path | None, insecure: bool) -> int:
    """Start a controller in the foreground; Ctrl-C or SIGTERM stops it, jobs go on."""
    config = settings(path, "controller", ControllerConfig)
    config = replace(config, insecure=config.insecure or insecure)
    from hpcsched.controller.server import serve_controller

    return serve(serve_controller(config, ready=lambda: say_ready(config.listen)), context.verbose)
