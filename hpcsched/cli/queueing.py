"""The options of a job about the queue: where, when and after what it may run, and who pays."""

from __future__ import annotations

import time
from typing import Any

import click
from click.shell_completion import CompletionItem

from hpcsched.cli import live_names
from hpcsched.cli.context import Context
from hpcsched.cli.moments import parse_moment
from hpcsched.cli.params import NodeList, NodeRange, Word
from hpcsched.errors import InvalidValue

_INT32 = 1 << 31


def _option(*names: str, about: str, **settings: Any) -> click.Option:
    return click.Option(list(names), help=about, **settings)


class Moment(click.ParamType):  # type: ignore[type-arg]
    """Unix seconds, in local time where it names no zone. `or_none`: nothing in quotes is 0."""

    name = "time"

    def __init__(self, or_none: bool = False) -> None:
        self._or_none = or_none

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if self._or_none and value == "":
            return 0.0
        given = ctx.find_object(Context) if ctx else None
        try:
            return parse_moment(value, given.now() if given else time.time()) if isinstance(value, str) else value
        except InvalidValue as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(word) for word in ("now+1h", "noon", "midnight", "tomorrow") if word.startswith(incomplete)]


_KINDS = ("after", "afterok", "afternotok", "afterany", "aftercorr")

NODES_OPTION = _option(
    "-N",
    "--nodes",
    type=NodeRange(),
    metavar="MIN[-MAX]",
    about="Number of nodes, the most that are free of a range; the command runs on the first, with --ntasks-per-node on all "
    "[default: 1].",
)
QUEUE_OPTIONS: tuple[click.Option, ...] = (
    _option(
        "-p",
        "--partition",
        metavar="NAME",
        shell_complete=live_names.partitions,
        about="Partition, as `hpcsched partitions` lists [default: the site's].",
    ),
    _option(
        "-A",
        "--account",
        metavar="NAME",
        shell_complete=live_names.accounts,
        about="Account that is charged [default: the site's].",
    ),
    _option(
        "-q",
        "--qos",
        metavar="NAME",
        shell_complete=live_names.qos,
        about="Quality of service, as `hpcsched qos` lists [default: the site's].",
    ),
    _option(
        "-C",
        "--constraint",
        metavar="EXPR",
        shell_complete=live_names.constraint,
        about="Features that its nodes must have, as 'epyc&ib', 'a100|h100' or '!old'.",
    ),
    _option(
        "-w",
        "--nodelist",
        type=NodeList(),
        metavar="NAMES",
        shell_complete=live_names.some_nodes,
        about="Only these nodes, as n1,n2 [default with it for --nodes: all of them].",
    ),
    _option(
        "--require",
        multiple=True,
        metavar="FIGURE",
        about="Only nodes whose certificate shows it, as 'stream.triad >= 20GB/s' or 'overhead.dgemm < 1%'; may be repeated.",
    ),
    _option(
        "--equal-speed",
        metavar="METRIC",
        about="Nodes equally fast in it, as stream.triad, where enough are free; none: any [default: the site's].",
    ),
    _option(
        "-a",
        "--array",
        metavar="IDS[%N]",
        about="Run it once for each of these ids, as 0-99, 1,5,9 or 0-999:10, at most N at a time; "
        "$HPCSCHED_ARRAY_TASK_ID tells which.",
    ),
    _option(
        "-d",
        "--after",
        "dependency",
        type=Word(*(f"{kind}:" for kind in _KINDS), "singleton"),
        metavar="KIND:ID[:ID]...",
        about="Start after these jobs: after (their start), afterok, afternotok, afterany, aftercorr; or singleton. "
        "Several with `,` (all of them) or `?` (any).",
    ),
    _option(
        "--begin",
        "begin_time",
        type=Moment(),
        metavar="TIME",
        about="Not before, as now+1h, 16:00, tomorrow or 2026-05-01T16:00.",
    ),
    _option("--deadline", type=Moment(), metavar="TIME", about="To have ended by then, or not to start at all; as --begin."),
    _option(
        "--reservation",
        metavar="NAME",
        shell_complete=live_names.reservations,
        about="Run on the nodes of this reservation, in its time.",
    ),
    _option("--priority", type=click.IntRange(-_INT32, _INT32 - 1), metavar="N", about="Higher starts first [default: 0]."),
    _option(
        "--nice",
        type=click.IntRange(-_INT32, _INT32 - 1),
        metavar="N",
        about="Taken off the priority that the site's factors give.",
    ),
    _option("--requeue/--no-requeue", default=False, about="Wait again when a node is lost or a job preempts it [default: end]."),
)
