"""`hpcsched jobs`."""

from __future__ import annotations

from collections.abc import Callable

import click

from hpcsched.cli import wording, wording_devices
from hpcsched.cli.context import Context
from hpcsched.cli.output import Column, output_option, show
from hpcsched.model.job import Job


def columns(now: float) -> list[Column[Job]]:
    return [
        Column("ID", wording.job_id, right=True),
        Column("NAME", wording.name),
        Column("USER", lambda job: job.spec.user),
        Column("STATE", lambda job: job.state.value),
        Column("CODE", wording.code, right=True),
        Column("TIME", lambda job: wording.ran(job, now), right=True),
        Column("LIMIT", lambda job: wording.limit(job.spec), right=True),
        Column("NODES", wording.node_count, right=True),
        Column("TASKS", lambda job: wording.progress(job) or wording_devices.count(wording_devices.tasks(job)), right=True),
        Column("GPUS", lambda job: wording_devices.count(wording_devices.granted_gpus(job)), right=True),
        Column("WHERE", wording.place, wide=True),
    ]


LONG: list[Column[Job]] = [
    Column("PARTITION", lambda job: job.spec.partition),
    Column("ACCOUNT", lambda job: job.spec.account),
    Column("QOS", lambda job: job.spec.qos),
    Column("LEVEL", lambda job: str(job.spec.priority), right=True),
    Column("PRIORITY", wording.multifactor, right=True),
    Column("NICE", lambda job: str(job.spec.nice), right=True),
]
"""Before where it runs. LEVEL is `--priority`, which comes before the priority that the site's factors give."""

PLAIN: tuple[Callable[[Job], str], ...] = (
    lambda job: str(job.id),
    wording.name,
    lambda job: job.spec.user,
    lambda job: job.state.value,
    lambda job: "" if job.exit_code is None else str(job.exit_code),
    lambda job: job.reason.value,
    lambda job: wording.seconds(job.submit_time),
    lambda job: wording.seconds(job.start_time),
    lambda job: wording.seconds(job.end_time),
    wording.node_list,
    lambda job: str(wording_devices.tasks(job)),
    lambda job: str(wording_devices.granted_gpus(job)),
)


EXAMPLES = """\b
Examples:
  hpcsched jobs --long
  hpcsched jobs --all --output plain | cut -f1,4
  hpcsched jobs --output json | jq '.[] | [.id, .multifactor]'"""


@click.command(epilog=EXAMPLES)
@click.option("-a", "--all", "include_ended", is_flag=True, help="Ended jobs as well, newest first.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True, metavar="N", help="At most so many.")
@click.option("-w", "--workers", is_flag=True, help="Also the containers that run tasks of arrays and small jobs.")
@click.option("-l", "--long", is_flag=True, help="Also partition, account, QOS, --priority (LEVEL), priority and --nice.")
@output_option
@click.pass_obj
def command(context: Context, include_ended: bool, limit: int, workers: bool, long: bool, form: str) -> None:
    """List the jobs that wait or run.

    Plain columns: id, name, user, state, exit code, reason, times of submit, start and end in Unix seconds, nodes, tasks, GPUs.
    """
    with context.client() as client:
        found = client.jobs(include_ended, limit, workers)
    shown = columns(context.now())
    show(found, [*shown[:-1], *LONG, shown[-1]] if long else shown, PLAIN, form)
