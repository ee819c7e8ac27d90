"""`hpcsched run`."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import click

from hpcsched.cli.asked import JobCommand, asked_spec, what_to_run
from hpcsched.cli.context import Context
from hpcsched.cli.everywhere import Everywhere, runs_on_several
from hpcsched.cli.follow import Output, or_cancelled, submit, to_the_end, write_bytes
from hpcsched.cli.outcome import complaint, exit_code
from hpcsched.cli.waiting import WaitingLine
from hpcsched.errors import Conflict, NotFound
from hpcsched.model.job import Job, JobSpec

if TYPE_CHECKING:
    from hpcsched.client.client import Client


def run(client: Client, spec: JobSpec, label: bool = False) -> Job:
    """Submit the job and copy its output to stdout until it has ended; of several nodes, or with their names, line by line."""
    job_id = submit(client, spec)
    with WaitingLine(client, job_id) as line:

        def write(data: bytes) -> None:
            line.erase()
            write_bytes(data)

        if label or runs_on_several(spec):
            return or_cancelled(client, job_id, Everywhere(client, job_id, write, label).read)
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


_EPILOG = """\b
Examples:
  hpcsched run -c 8 --mem-per-node 16G -- ./stream
  hpcsched run --ntasks-per-node 2 --bind numa -- grep _allowed_list /proc/self/status
  hpcsched run -N 2 --ntasks-per-node 1 --label -- hostname"""


@click.command(cls=JobCommand, epilog=_EPILOG)
@what_to_run
@click.option("-l", "--label", is_flag=True, help="Put the node's name before each line of output.")
@click.pass_obj
@click.pass_context
def command(ctx: click.Context, context: Context, /, words: tuple[str, ...], label: bool, **_: Any) -> int:
    """Submit a job, follow its output, exit with its code.

    A signal n gives 128+n, a time limit 124, too much memory 137, a cancel 130. Ctrl-C cancels the job, a second one leaves it to
    end by itself. Commands, scripts and options are those of `hpcsched submit`.
    """
    spec = asked_spec(ctx, words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with context.client() as client:
        job = run(client, spec, label)
    if said := complaint(job):
        click.echo(f"hpcsched: {said}", err=True)
    return exit_code(job)
