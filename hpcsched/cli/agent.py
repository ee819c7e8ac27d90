"""`hpcsched agent`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsched.cli.context import Context
from hpcsched.cli.daemon import config_option, serve, settings
from hpcsched.config import AgentConfig


@click.command(epilog="Example: hpcsched agent --config /etc/hpcsched.toml")
@config_option
@click.pass_obj
def command(context: Context, path: Path | None) -> int:
    """Start the agent of this node in the foreground; Ctrl-C or SIGTERM stops it, containers go on."""
    config = settings(path, "agent", AgentConfig)
    from hpcsched.agent.agent import serve_agent

    return serve(serve_agent(config), context.verbose)
