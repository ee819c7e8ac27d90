"""`hpcsched qos`."""

from __future__ import annotations

from collections.abc import Callable

import click

from hpcsched.cli.context import Context
from hpcsched.cli.limits import limits
from hpcsched.cli.output import Column, output_option, show
from hpcsched.model.site_use import QosUse
from hpcsched.model.units import format_duration


def _grace(item: QosUse) -> str:
    return format_duration(item.qos.grace_s) if item.qos.grace_s else ""


COLUMNS: tuple[Column[QosUse], ...] = (
    Column("NAME", lambda item: item.qos.name),
    Column("PRIORITY", lambda item: f"{item.qos.priority:g}", right=True),
    Column("RUNNING", lambda item: str(item.running), right=True),
    Column("NODES", lambda item: str(item.nodes), right=True),
    Column("WAITING", lambda item: str(item.waiting), right=True),
    Column("NODE HOURS", lambda item: f"{item.node_hours:.1f}", right=True),
    Column("USAGE FACTOR", lambda item: f"{item.qos.usage_factor:g}", right=True),
    Column("PREEMPTS", lambda item: ",".join(item.qos.preempt), wide=True),
    Column("PREEMPTED", lambda item: item.qos.preempt_mode.value),
    Column("GRACE", _grace, right=True),
    Column("LIMITS", lambda item: limits(item.qos.limits), wide=True),
)
PLAIN: tuple[Callable[[QosUse], str], ...] = (
    lambda item: item.qos.name,
    lambda item: f"{item.qos.priority:g}",
    lambda item: str(item.running),
    lambda item: str(item.nodes),
    lambda item: str(item.waiting),
    lambda item: f"{item.node_hours:.3f}",
    lambda item: ",".join(item.qos.preempt),
    lambda item: item.qos.preempt_mode.value,
)


@click.command(epilog="Example: hpcsched qos")
@output_option
@click.pass_obj
def command(context: Context, form: str) -> None:
    """List the qualities of service, with what is in use of them. Jobs choose one with --qos.

    PREEMPTS names those whose jobs give way, PREEMPTED says what becomes of its own jobs when they do.

    Plain columns: name, priority, running jobs, nodes, waiting jobs, node hours, QOS that it preempts, preemption mode.
    """
    with context.client() as client:
        found = client.qos()
    show(found, COLUMNS, PLAIN, form)
