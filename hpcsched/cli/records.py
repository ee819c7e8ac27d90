"""`hpcsched records`."""

from __future__ import annotations

from collections.abc import Callable

import click

from hpcsched.cli import wording
from hpcsched.cli.context import Context
from hpcsched.cli.output import Column, output_option, show
from hpcsched.model.record import Record

COLUMNS: tuple[Column[Record], ...] = (
    Column("ID", lambda record: str(record.job.id), right=True),
    Column("NAME", lambda record: wording.name(record.job)),
    Column("USER", lambda record: record.job.spec.user),
    Column("STATE", lambda record: record.job.state.value),
    Column("CODE", lambda record: wording.code(record.job), right=True),
    Column("WAITED", lambda record: wording.span(record.waited_s), right=True),
    Column("RAN", lambda record: wording.span(record.ran_s), right=True),
    Column("CPU", lambda record: wording.span(record.usage.cpu_s), right=True),
    Column("PEAK", lambda record: wording.size(record.usage.peak_memory), right=True),
    Column("ENDED", lambda record: wording.moment(record.job.end_time)),
    Column("WHERE", lambda record: wording.place(record.job), wide=True),
)
PLAIN: tuple[Callable[[Record], str], ...] = (
    lambda record: str(record.job.id),
    lambda record: wording.name(record.job),
    lambda record: record.job.spec.user,
    lambda record: record.job.state.value,
    lambda record: "" if record.job.exit_code is None else str(record.job.exit_code),
    lambda record: f"{record.waited_s:.3f}",
    lambda record: f"{record.ran_s:.3f}",
    lambda record: f"{record.usage.cpu_s:.3f}",
    lambda record: str(record.usage.peak_memory),
    lambda record: wording.seconds(record.job.end_time),
    lambda record: wording.node_list(record.job),
)


@click.command(epilog="Example: hpcsched records --limit 20")
@click.option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True, metavar="N", help="At most so many.")
@click.option("--before", type=click.IntRange(1), default=None, metavar="ID", help="Only jobs with smaller ids.")
@output_option
@click.pass_obj
def command(context: Context, limit: int, before: int | None, form: str) -> None:
    """List ended jobs and what they used, newest first.

    Plain columns: id, name, user, state, exit code, seconds waited, ran and of CPU,
    peak memory in bytes, end in Unix seconds, nodes.
    """
    with context.client() as client:
        found = client.records(limit=limit, before_job_id=before or 0)
    show(found, COLUMNS, PLAIN, form)
