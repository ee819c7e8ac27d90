"""`hpcsched hold`."""

from __future__ import annotations

import click

from hpcsched.cli.context import Context
from hpcsched.cli.each import for_each
from hpcsched.cli.job_id import jobs_argument


@click.command(epilog="Example: hpcsched hold 12 13")
@jobs_argument
@click.pass_obj
def command(context: Context, job_ids: tuple[int, ...]) -> int:
    """Keep waiting jobs from starting, until they are released."""
    with context.client() as client:
        return for_each(job_ids, client.hold)
