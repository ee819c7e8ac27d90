"""`hpcsched logs`."""

from __future__ import annotations

import click

from hpcsched.cli.context import Context
from hpcsched.cli.follow import Output, patiently, write_bytes
from hpcsched.cli.job_id import job_argument


@click.command(epilog="Example: hpcsched logs -f 12")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended.")
@job_argument
@click.pass_obj
def command(context: Context, follow: bool, job_id: int) -> None:
    """Print what a job has written, byte for byte."""
    with context.client() as client:
        if follow:
            patiently(Output(client, job_id, write_bytes).read)
            return
        for part in client.read_output(job_id):
            if isinstance(part, bytes):
                write_bytes(part)
