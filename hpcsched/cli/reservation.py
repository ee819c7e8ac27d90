"""`hpcsched reservation`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from hpcsched.cli import live_names, wording
from hpcsched.cli.context import Context
from hpcsched.cli.each import for_each
from hpcsched.cli.output import Column, output_option, show, show_facts
from hpcsched.cli.params import Duration
from hpcsched.cli.queueing import Moment
from hpcsched.model.reservation import Repeat, Reservation, ReservationRequest
from hpcsched.model.units import format_duration

Function = TypeVar("Function", bound=Callable[..., Any])
MANY = 8
"""Names that a table shows of one reservation."""


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return ",".join(names[:MANY]) + more


def _whom(item: Reservation) -> str:
    if item.maintenance:
        return "maintenance"
    people = [*item.users, *(f"account {name}" for name in item.accounts)]
    return _names(tuple(people)) or "everyone"


def _state(context: Context) -> Callable[[Reservation], str]:
    now = context.now()
    return lambda item: "ACTIVE" if item.start <= now < item.end else "INACTIVE"


def _columns(context: Context) -> tuple[Column[Reservation], ...]:
    return (
        Column("NAME", lambda item: item.name),
        Column("STATE", _state(context)),
        Column("START", lambda item: wording.moment(item.start)),
        Column("END", lambda item: wording.moment(item.end)),
        Column("DURATION", lambda item: format_duration(int(item.end - item.start)), right=True),
        Column("REPEAT", lambda item: "" if item.repeat is Repeat.NEVER else item.repeat.value),
        Column("COUNT", lambda item: str(len(item.nodes)), right=True),
        Column("NODES", lambda item: _names(item.nodes), wide=True),
        Column("FOR", _whom, wide=True),
    )


def _plain(context: Context) -> tuple[Callable[[Reservation], str], ...]:
    return (
        lambda item: item.name,
        _state(context),
        lambda item: wording.seconds(item.start),
        lambda item: wording.seconds(item.end),
        lambda item: item.repeat.value,
        lambda item: ",".join(item.nodes),
        lambda item: ",".join(item.users),
        lambda item: ",".join(item.accounts),
        lambda item: "maintenance" if item.maintenance else "",
    )


def facts(item: Reservation, context: Context) -> list[tuple[str, str]]:
    """What there is to say about a reservation; what is empty is left out."""
    found = [
        ("name", item.name),
        ("state", _state(context)(item)),
        ("start", wording.moment(item.start)),
        ("end", wording.moment(item.end)),
        ("duration", format_duration(int(item.end - item.start))),
        ("repeat", "" if item.repeat is Repeat.NEVER else item.repeat.value),
        ("nodes", ",".join(item.nodes)),
        ("users", ",".join(item.users)),
        ("accounts", ",".join(item.accounts)),
        ("maintenance", "yes" if item.maintenance else ""),
        ("comment", item.comment),
        ("made", wording.moment(item.made)),
    ]
    return [(name, value) for name, value in found if value]


def _listed(context: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Each may itself be a list with commas."""
    return tuple(dict.fromkeys(name.strip() for value in values for name in value.split(",") if name.strip()))


def _list_option(name: str, about: str, complete: live_names.Complete | None = None) -> Callable[[Function], Function]:
    return click.option(name, multiple=True, callback=_listed, metavar="NAME,...", shell_complete=complete, help=about)


@click.group(epilog="Example: hpcsched reservation create talk --nodes n1,n2 --start 14:00 --duration 2h --users ann")
def command() -> None:
    """Set nodes aside for a time: only jobs that name the reservation (--reservation) run there then."""


@command.command(epilog="Example: hpcsched reservation create works --count 2 --start tomorrow --duration 8h --maintenance")
@click.argument("name", metavar="NAME")
@click.option("--start", type=Moment(), metavar="TIME", help="As now+1h, 14:00 or 2026-05-01T16:00 [default: now].")
@click.option("--end", type=Moment(), metavar="TIME", help="When it ends; or give --duration.")
@click.option("--duration", type=Duration(), metavar="TIME", help="How long it lasts, as 2h; or give --end.")
@_list_option("--nodes", "Names of nodes, patterns like 'gpu*', or +feature.", live_names.some_nodes)
@click.option("--count", type=click.IntRange(1, 100_000), metavar="N", help="Or how many nodes; the controller chooses.")
@click.option(
    "-p", "--partition", default="", metavar="NAME", shell_complete=live_names.partitions, help="Of which it chooses them."
)
@click.option(
    "-C", "--constraint", default="", metavar="EXPR", shell_complete=live_names.constraint,
    help="Features that they must have, as 'epyc&ib'.",
)  # fmt: skip
@_list_option("--users", "Whose jobs may use it [default: everyone's].")
@_list_option(
    "--accounts",
    "Jobs of which accounts, and of those below them, may; with --users both must be right.",
    live_names.some_accounts,
)
@click.option("--maintenance", is_flag=True, help="For no job at all; it may lie over others.")
@click.option("--repeat", type=click.Choice([item.value for item in Repeat]), default="never", show_default=True)
@click.option("--comment", default="", metavar="TEXT", help="Shown with it.")
@click.option("--ignore-jobs", is_flag=True, help="Also where jobs would still run then; they go on.")
@click.pass_obj
def create(context: Context, /, name: str, start: float | None, end: float | None, duration: int | None, **asked: Any) -> None:
    """Set nodes aside, and print which.

    Daily is every 24 hours, weekly every 7 days: when the clocks change, the time of day moves by an hour.
    """
    if (end is None) == (duration is None):
        raise click.UsageError("say when it ends: --end TIME or --duration TIME, one of the two")
    lasts = duration if duration is not None else int((end or 0.0) - (start or context.now()))
    if lasts < 1:
        raise click.UsageError("it ends before it starts")
    asked["count"], asked["repeat"] = asked["count"] or 0, Repeat(asked["repeat"])
    with context.client() as client:
        made = client.reserve(ReservationRequest(name=name, start=start or 0.0, duration_s=lasts, **asked))
    click.echo(",".join(made.nodes))


@command.command("list", epilog="Example: hpcsched reservation list --output json | jq -r '.[].name'")
@output_option
@click.pass_obj
def list_reservations(context: Context, form: str) -> None:
    """List reservations by start; of those that repeat, the present or next time.

    Plain columns: name, state, start and end in Unix seconds, repeat, nodes, users, accounts, maintenance.
    """
    with context.client() as client:
        found = client.reservations()
    show(found, _columns(context), _plain(context), form)


@command.command("show", epilog="Example: hpcsched reservation show talk")
@click.argument("name", metavar="NAME", shell_complete=live_names.reservations)
@output_option
@click.pass_obj
def show_one(context: Context, name: str, form: str) -> None:
    """Show one reservation."""
    with context.client() as client:
        found = client.reservation(name)
    show_facts(facts(found, context), form, found)


@command.command(epilog="Example: hpcsched reservation delete talk")
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=live_names.reservations)
@click.pass_obj
def delete(context: Context, names: tuple[str, ...]) -> int:
    """Give the nodes free again; jobs that run in it go on."""
    with context.client() as client:
        return for_each(names, client.unreserve)
