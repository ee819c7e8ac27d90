"""`hpcsched cancel`."""

from __future__ import annotations

import click

from hpcsched.cli.context import Context
from hpcsched.cli.each import for_each
from hpcsched.cli.job_id import jobs_or_tasks_argument

_EPILOG = """\b
Examples:
  hpcsched cancel 12 13
  hpcsched cancel 14_3 '14_[10-19]'"""


@click.command(epilog=_EPILOG)
@jobs_or_tasks_argument
@click.pass_obj
def command(context: Context, jobs_or_tasks: tuple[tuple[int, str], ...]) -> int:
    """Cancel jobs, or tasks of arrays; those that run get SIGTERM, and SIGKILL after their grace."""
    with context.client() as client:
        return for_each(jobs_or_tasks, lambda each: client.cancel(*each))
