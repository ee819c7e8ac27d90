"""`hpcsched submit`."""

from __future__ import annotations

from typing import Any

import click

from hpcsched.cli.asked import JobCommand, asked_spec, what_to_run
from hpcsched.cli.context import Context
from hpcsched.cli.explain import show_explanation
from hpcsched.cli.follow import submit, to_the_end
from hpcsched.cli.outcome import complaint, exit_code
from hpcsched.cli.output import output_option, show_json
from hpcsched.cli.waiting import WaitingLine

_EPILOG = """\b
Examples:
  hpcsched submit -t 1:00:00 -- ./xhpl
  hpcsched submit job.sh input.dat
  hpcsched submit -N 4 --equal-speed stream.triad -- mpirun ./solver
  hpcsched submit --cores-per-node 16 --numa 0,2 --mem-per-node 64G -- ./solver
  hpcsched submit --numa spread --hint nomultithread --hugepages 2M:512 -- ./stream
  hpcsched submit --gpus-per-node 2 --ntasks-per-node 2 --cpus-per-task 8 -- ./train
  hpcsched submit --ntasks-per-node 4 --bind l3 --threads-per-core 1 --tuning hpc -- ./md
  hpcsched submit -a 0-999%50 -c 1 -t 10 -- ./point
  hpcsched submit -d afterok:12 -p long --begin 20:00 -- ./post
  hpcsched submit --dry-run -N 16 -t 4:00:00 -- ./xhpl"""


@click.command(cls=JobCommand, epilog=_EPILOG)
@what_to_run
@click.option("--wait", is_flag=True, help="Wait for the end and exit with the job's code; Ctrl-C cancels the job.")
@click.option("--dry-run", is_flag=True, help="Submit nothing; say whether it would be taken, and when it would start.")
@output_option
@click.pass_obj
@click.pass_context
def command(
    ctx: click.Context, context: Context, /, words: tuple[str, ...], wait: bool, dry_run: bool, form: str, **_: Any
) -> int:
    """Put a job in the queue and print its id.

    After `--` comes a command. Without it the first word is a script on this machine: lines that begin with #HPCSCHED in its
    leading comments are options, and those on the command line win over them. The job sees the caller's variables only through
    --env.
    """
    spec = asked_spec(ctx, words)
    with context.client() as client:
        if dry_run:
            show_explanation(client.explain(spec), form, context.now())
            return 0
        job_id = submit(client, spec)
        if form == "json":
            show_json({"job_id": job_id})
        else:
            click.echo(str(job_id))
        if not wait:
            return 0
        with WaitingLine(client, job_id):
            job = to_the_end(client, job_id, lambda: client.wait(job_id))
    if said := complaint(job):
        click.echo(f"hpcsched: {said}", err=True)
    return exit_code(job)
