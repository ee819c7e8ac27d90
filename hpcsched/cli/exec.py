"""`hpcsched exec`."""

from __future__ import annotations

import click

from hpcsched.cli.context import Context
from hpcsched.cli.job_id import job_argument, node_option
from hpcsched.cli.params import Variable
from hpcsched.cli.step import command_words, first_interrupt_to, pump

STDIN = 0


@click.command(epilog="Example: hpcsched exec 12 -- ps aux", context_settings={"allow_interspersed_args": False})
@click.option("-D", "--workdir", default="", metavar="DIR", help="Folder to start in, as the job sees it [default: the job's].")
@click.option(
    "--env", type=Variable(), multiple=True, metavar="K[=V]", help="Variable; without =V the caller's value. Repeatable."
)
@node_option("One of the job's nodes [default: its first].")
@job_argument
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
@click.pass_obj
def command(
    context: Context, workdir: str, env: tuple[tuple[str, str], ...], node: str, job_id: int, argv: tuple[str, ...]
) -> int:
    """Run a command inside a running job's container, with our stdin, and exit with its code.

    Ctrl-C goes to the command; a second one leaves it.
    """
    words = command_words(argv)
    with context.client() as client:
        session = client.exec_step(job_id, words, workdir=workdir, env=env, node=node)
        with first_interrupt_to(session):
            return pump(session, STDIN)
