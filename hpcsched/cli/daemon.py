"""What the commands that stay in the foreground share."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from hpcsched import log
from hpcsched.config import Settings, load


def settings(path: Path | None, section: str, kind: type[Settings]) -> Settings:
    """The file's settings, or the defaults without a file. Raises ConfigError."""
    return load(path, section, kind) if path else kind()


def serve(daemon: Coroutine[Any, Any, None], verbose: bool) -> int:
    """Run until Ctrl-C or SIGTERM; both end it in order, and are no failure."""
    log.setup(verbose)
    asyncio.run(_until_told(daemon))
    return 0


async def _until_told(daemon: Coroutine[Any, Any, None]) -> None:
    running = asyncio.create_task(daemon)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _stop_once, running)
    with contextlib.suppress(asyncio.CancelledError):
        await running


def _stop_once(running: asyncio.Task[None]) -> None:
    """A second signal would leave behind what the first one is taking away."""
    if running.cancelling():
        click.echo("hpcsched: stopping already; it ends when the jobs' containers are gone", err=True)
    else:
        click.echo("hpcsched: stopping", err=True)
        running.cancel()


def say_ready(address: str) -> None:
    """One line on stdout once calls are answered."""
    click.echo(f"ready at {address}")
    sys.stdout.flush()


def config_option(command: Any) -> Any:
    """Adds --config, which arrives as `path`."""
    kind = click.Path(path_type=Path, dir_okay=False)
    about = "Settings, TOML [default: none; see `hpcsched config show`]."
    return click.option("--config", "path", type=kind, metavar="FILE", help=about)(command)
