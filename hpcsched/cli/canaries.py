"""`hpcsched canaries`."""

from __future__ import annotations

from dataclasses import dataclass

import click

from hpcsched.cli import live_names, wording
from hpcsched.cli.context import Context
from hpcsched.cli.output import Column, output_option, show
from hpcsched.model.canary import CanaryFigure, NodeCanaries
from hpcsched.model.units import format_figure


@dataclass(frozen=True, slots=True)
class Row:
    """`figure` None: the node was never measured."""

    node: NodeCanaries
    figure: CanaryFigure | None


def rows(nodes: list[NodeCanaries]) -> list[Row]:
    return [Row(node, figure) for node in nodes for figure in node.figures or (None,)]


def _number(row: Row, text: str) -> str:
    """By a format of `figure`; nothing before there is a history."""
    return text.format(row.figure) if row.figure and row.figure.usual else ""


COLUMNS: tuple[Column[Row], ...] = (
    Column("NODE", lambda row: row.node.node),
    Column("STATE", lambda row: row.node.stand.value),
    Column("CLASS", lambda row: row.node.likeness[:6]),
    Column("METRIC", lambda row: row.figure.metric if row.figure else ""),
    Column("LAST", lambda row: f"{format_figure(row.figure.value, 4)} {row.figure.unit}" if row.figure else "", right=True),
    Column("USUAL", lambda row: format_figure(row.figure.usual, 4) if row.figure and row.figure.usual else "", right=True),
    Column("LOSS", lambda row: _number(row, "{0.loss:.1%}"), right=True),
    Column("Z", lambda row: _number(row, "{0.z:.1f}"), right=True),
    Column("CLASS Z", lambda row: _number(row, "{0.class_z:.1f}"), right=True),
    Column("MEASURED", lambda row: wording.moment(row.node.measured) if row.node.measured else "never"),
    Column("NOTE", lambda row: row.node.note, wide=True),
)
PLAIN = (
    lambda row: row.node.node,
    lambda row: row.node.stand.value,
    lambda row: row.node.likeness,
    lambda row: row.figure.metric if row.figure else "",
    lambda row: f"{row.figure.value:g}" if row.figure else "",
    lambda row: row.figure.unit if row.figure else "",
    lambda row: _number(row, "{0.usual:g}"),
    lambda row: _number(row, "{0.loss:.6f}"),
    lambda row: _number(row, "{0.z:.3f}"),
    lambda row: _number(row, "{0.class_z:.3f}"),
    lambda row: wording.seconds(row.node.measured),
    lambda row: row.node.note,
)


@click.command(epilog="Example: hpcsched canaries n1")
@click.argument("name", metavar="[NODE]", default="", shell_complete=live_names.nodes)
@output_option
@click.pass_obj
def command(context: Context, name: str, form: str) -> None:
    """Show the latest figures of canaries, against each node's own history (Z) and that of nodes like it (CLASS Z).

    Plain columns: node, state, class, metric, last figure, unit, usual figure, loss, z, z in its class, when measured, note.
    """
    with context.client() as client:
        found = client.canaries(name)
    if form == "json":
        show(found, (), (), form)
    else:
        show(rows(found), COLUMNS, PLAIN, form)
