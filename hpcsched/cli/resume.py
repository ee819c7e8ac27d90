"""`hpcsched resume`."""

from __future__ import annotations

import click

from hpcsched.cli import live_names
from hpcsched.cli.context import Context
from hpcsched.cli.each import for_each
from hpcsched.client.client import Client
from hpcsched.model.job import Job
from hpcsched.model.node import Node


@click.command(epilog="Example: hpcsched resume n1")
@click.argument("names", metavar="NAME|ID...", nargs=-1, required=True, shell_complete=live_names.nodes)
@click.pass_obj
def command(context: Context, names: tuple[str, ...]) -> int:
    """Give drained nodes jobs again, and let suspended jobs go on; a number is a job, unless a node has that name.

    A node that is DOWN comes back when its agent does.
    """
    with context.client() as client:
        return for_each(names, lambda name: _resume(client, name))


def _resume(client: Client, name: str) -> Job | Node:
    is_job = name.isascii() and name.isdigit() and len(name) <= 18 and all(node.name != name for node in client.nodes())
    return client.resume_job(int(name)) if is_job else client.resume(name)
