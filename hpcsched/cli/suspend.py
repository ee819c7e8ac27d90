"""`hpcsched suspend`."""

from __future__ import annotations

import click

from hpcsched.cli.context import Context
from hpcsched.cli.each import for_each
from hpcsched.cli.job_id import jobs_argument


@click.command(epilog="Example: hpcsched suspend 12")
@jobs_argument
@click.pass_obj
def command(context: Context, job_ids: tuple[int, ...]) -> int:
    """Freeze running jobs until they are resumed; their time limit stands still, their nodes stay theirs."""
    with context.client() as client:
        return for_each(job_ids, client.suspend)
