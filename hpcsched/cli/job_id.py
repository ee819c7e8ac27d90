"""The argument ID of a job, and the option that names one of its nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_TYPE = click.IntRange(1, (1 << 63) - 1)


def job_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds one id, which arrives as `job_id`."""
    return click.argument("job_id", metavar="ID", type=_TYPE)(command)


def node_option(about: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds `--node`, which arrives as `node`, empty when it is not given."""
    return click.option("--node", default="", metavar="NAME", help=about)


def jobs_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds one or more ids, which arrive as `job_ids`."""
    return click.argument("job_ids", metavar="ID...", type=_TYPE, nargs=-1, required=True)(command)
