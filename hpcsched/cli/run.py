"""`hpcsched run`."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import click

from hpcsched.cli.asked import JobCommand, asked_spec, what_to_run
from hpcsched.cli.context import Context
from hpcsched.cli.follow import Output, submit, to_the_end, write_bytes
from hpcsched.cli.outcome import complaint, exit_code
from hpcsched.cli.waiting import WaitingLine
from hpcsched.errors import Conflict, NotFound
from hpcsched.model.job import Job, JobSpec

if TYPE_CHECKING:
    from hpcsched.client.client import Client


def run(client: Client, spec: JobSpec) -> Job:
    """Submit the job and copy its output to stdout until it has ended."""
    job_id = submit(client, spec)
    with WaitingLine(client, job_id) as line:

        def write(data: bytes) -> None:
            line.erase()
            write_bytes(data)

        output = Output(client, job_id, write)
        return to_the_end(client, job_id, lambda: _read(client, job_id, output))


def _read(client: Client, job_id: int, output: Output) -> Job:
    """The ended job, also when its output cannot be had, which is then said."""
    try:
        return output.read()
    except (NotFound, Conflict) as error:
        job = client.wait(job_id)
        if not complaint(job):
            click.echo(f"hpcsched: {error}", err=True)
        return job


@click.command(cls=JobCommand, epilog="Example: hpcsched run -c 8 --mem-per-node 16G -- ./stream")
@what_to_run
@click.pass_obj
@click.pass_context
def command(ctx: click.Context, context: Context, /, words: tuple[str, ...], **_: Any) -> int:
    """Submit a job, follow its output, exit with its code.

    A signal n gives 128+n, a time limit 124, too much memory 137, a cancel 130. Ctrl-C cancels the job, a second one leaves it to
    end by itself. Commands, scripts and options are those of `hpcsched submit`.
    """
    spec = asked_spec(ctx, words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with context.client() as client:
        job = run(client, spec)
    if said := complaint(job):
        click.echo(f"hpcsched: {said}", err=True)
    return exit_code(job)
