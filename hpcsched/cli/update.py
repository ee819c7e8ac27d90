"""`hpcsched update`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import click

from hpcsched.cli.context import Context
from hpcsched.cli.each import for_each
from hpcsched.cli.job_id import jobs_argument
from hpcsched.cli.options import JOB_OPTIONS
from hpcsched.cli.queueing import Moment
from hpcsched.model.change import JobChange

_NAMES = frozenset(JobChange.__dataclass_fields__)


def _change_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Those of `submit` that can be changed; None where they are left out."""
    for option in reversed([option for option in JOB_OPTIONS if option.name in _NAMES]):
        mine = copy.copy(option)
        mine.default = None
        mine.help = (option.help or "").partition(" [default")[0].rstrip(".") + "."
        if isinstance(mine.type, Moment):
            mine.type = Moment(or_none=True)
        command.__dict__.setdefault("__click_params__", []).append(mine)
    return command


@click.command(epilog="Example: hpcsched update 12 --time 2:00:00 --partition long")
@jobs_argument
@_change_options
@click.pass_obj
def command(context: Context, /, job_ids: tuple[int, ...], **given: Any) -> int:
    """Change what waiting jobs ask for; of running ones the time limit, deadline, name and requeueing.

    An empty value ('') takes a constraint, dependency, begin, deadline or reservation away.
    """
    change = _change(given)
    if not change.given():
        raise click.UsageError("nothing to change: name at least one option, as --time 2:00:00")
    with context.client() as client:
        return for_each(job_ids, lambda job_id: client.update(job_id, change))


def _change(given: dict[str, Any]) -> JobChange:
    nodes = given.pop("nodes")
    least, most = nodes or (None, None)
    return JobChange(**given, nodes=least, max_nodes=most if most != least else None)
