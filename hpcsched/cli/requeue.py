"""`hpcsched requeue`."""

from __future__ import annotations

import click

from hpcsched.cli.context import Context
from hpcsched.cli.each import for_each
from hpcsched.cli.job_id import jobs_argument


@click.command(epilog="Example: hpcsched requeue 12")
@jobs_argument
@click.pass_obj
def command(context: Context, job_ids: tuple[int, ...]) -> int:
    """Stop running jobs and let them wait again, under the same ids; they begin anew and append to their output.

    Of jobs that share a container the others go on.
    """
    with context.client() as client:
        return for_each(job_ids, client.requeue)
