"""`hpcsched logs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hpcsched.cli.context import Context
from hpcsched.cli.everywhere import Everywhere, output_nodes, print_outputs, runs_on_several
from hpcsched.cli.follow import Output, patiently, write_bytes
from hpcsched.cli.job_id import job_or_task_argument, node_option

if TYPE_CHECKING:
    from hpcsched.client.client import Client

_EPILOG = """\b
Examples:
  hpcsched logs -f 12
  hpcsched logs --node n2 12
  hpcsched logs 12_3"""


@click.command(epilog=_EPILOG)
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended.")
@node_option("Only what it has written on that node [default: all that run the command].")
@click.option("-l", "--label", is_flag=True, help="Put the node's name before each line.")
@job_or_task_argument
@click.pass_obj
def command(context: Context, follow: bool, node: str, label: bool, job_or_task: tuple[int, int | None]) -> int:
    """Print what a job has written, byte for byte; of tasks on several nodes one node after the other, with -f line by line.

    Of an array what all its tasks have written, or with ID_TASK the one with that id.
    """
    job_id, task = job_or_task
    with context.client() as client:
        if task is None and (label or (not node and runs_on_several(client.job(job_id).spec))):
            return _lines(client, job_id, follow, node, label)
        if follow:
            patiently(Output(client, job_id, write_bytes, node, task).read)
        else:
            _copy(client, job_id, node, task)
        return 0


def _copy(client: Client, job_id: int, node: str, task: int | None) -> None:
    for part in client.read_output(job_id, node=node, task=task):
        if isinstance(part, bytes):
            write_bytes(part)


def _lines(client: Client, job_id: int, follow: bool, node: str, label: bool) -> int:
    """1 when the output of a node could not be had."""
    if not follow:
        job = client.job(job_id)
        return print_outputs(client, job, (node,) if node else output_nodes(job), write_bytes, label)
    outputs = Everywhere(client, job_id, write_bytes, label, node)
    outputs.read()
    return int(outputs.failed)
