"""`hpcsched partitions`."""

from __future__ import annotations

from collections.abc import Callable

import click

from hpcsched.cli.context import Context
from hpcsched.cli.limits import limits
from hpcsched.cli.output import Column, output_option, show
from hpcsched.model.site_use import PartitionUse
from hpcsched.model.units import format_duration


def _name(item: PartitionUse) -> str:
    """With a star, as sinfo(1) marks it, when it is the default."""
    return item.partition.name + ("*" if item.partition.default else "")


def _who(item: PartitionUse) -> str:
    found = item.partition
    kinds = (("accounts", found.allow_accounts), ("qos", found.allow_qos), ("users", found.allow_users))
    return " ".join(f"{what}={','.join(names)}" for what, names in kinds if names) or "everyone"


def _default_time(item: PartitionUse) -> str:
    return format_duration(item.partition.default_time_s) if item.partition.default_time_s else ""


COLUMNS: tuple[Column[PartitionUse], ...] = (
    Column("NAME", _name),
    Column("STATE", lambda item: item.partition.state.value),
    Column("NODES", lambda item: str(len(item.nodes)), right=True),
    Column("FREE", lambda item: str(item.free), right=True),
    Column("DOWN", lambda item: str(len(item.nodes) - item.in_service), right=True),
    Column("RUNNING", lambda item: str(item.running), right=True),
    Column("WAITING", lambda item: str(item.waiting), right=True),
    Column("PRIORITY", lambda item: f"{item.partition.priority:g}", right=True),
    Column("DEFAULT TIME", _default_time, right=True),
    Column("SHARED", lambda item: "yes" if item.partition.shared else "no"),
    Column("LIMITS", lambda item: limits(item.partition.limits), wide=True),
    Column("FOR", _who, wide=True),
)
PLAIN: tuple[Callable[[PartitionUse], str], ...] = (
    lambda item: item.partition.name,
    lambda item: item.partition.state.value,
    lambda item: str(len(item.nodes)),
    lambda item: str(item.free),
    lambda item: str(item.in_service),
    lambda item: str(item.running),
    lambda item: str(item.waiting),
    lambda item: "default" if item.partition.default else "",
    lambda item: ",".join(item.nodes),
)


@click.command(epilog="Example: hpcsched partitions --output json | jq -r '.[].partition.name'")
@output_option
@click.pass_obj
def command(context: Context, form: str) -> None:
    """List the partitions, their nodes, jobs and limits; a star marks the default. Jobs choose one with --partition.

    FREE counts nodes that could take a job now, DOWN those that are drained, down or not connected.

    Plain columns: name, state, nodes, free nodes, nodes in service, running jobs, waiting jobs, `default`, names of the nodes.
    """
    with context.client() as client:
        found = client.partitions()
    show(found, COLUMNS, PLAIN, form)
