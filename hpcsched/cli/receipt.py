"""`hpcsched receipt`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hpcsched.cli.context import Context
from hpcsched.cli.drawing import draw_topology, receipt_table, svg_topology
from hpcsched.cli.fields import plain_data
from hpcsched.cli.job_id import job_argument
from hpcsched.cli.output import output_option, show_drawing, show_json, show_rows
from hpcsched.errors import Conflict, NotFound
from hpcsched.model.allocation import Binding
from hpcsched.model.container import Observed
from hpcsched.model.job import Job
from hpcsched.model.node import Node


@dataclass(frozen=True, slots=True)
class Part:
    """What the job was given on one node, and what the kernel showed there (None: not yet, or it never started)."""

    job_id: int
    node: str
    binding: Binding
    observed: Observed | None


def parts(job: Job) -> list[Part]:
    """One for each node, by rank. Raises Conflict when the job has no node."""
    if job.allocation is None:
        raise Conflict(f"job {job.id} is {job.state.value} and has no node, so there is nothing to show")
    seen = [part.observed if part else None for part in job.parts] or [None] * len(job.allocation.bindings)
    given = zip(job.allocation.bindings, seen, strict=True)
    return [Part(job.id, bound.node, bound.binding, observed) for bound, observed in given]


def rows(part: Part) -> Iterator[tuple[str, str, str, str]]:
    """Node, field, what was granted, what the kernel showed."""
    granted, shown = plain_data(part.binding), plain_data(part.observed) or {}
    for name in dict.fromkeys((*granted, *shown)):
        yield part.node, name, _cell(granted.get(name, "")), _cell(shown.get(name, ""))


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(_cell(item) for item in value)
    return ":".join(map(str, value.values())) if isinstance(value, dict) else str(value)


@click.command(epilog="Example: hpcsched receipt 12")
@job_argument
@click.option(
    "--svg", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the drawing of the first node."
)
@output_option
@click.pass_obj
def command(context: Context, job_id: int, svg: Path | None, form: str) -> None:
    """Show what a job asked for, what it was granted, and what the kernel showed after the start; and draw its cores.

    Plain columns: node, field, granted, observed.
    """
    with context.client() as client:
        job = client.job(job_id)
        found = parts(job)
        nodes = [node for node in client.nodes() if node.name in {part.node for part in found}]
    if svg:
        svg.write_text(_svg(found, nodes))
    if form == "json":
        show_json(found)
    elif form == "plain":
        show_rows([row for part in found for row in rows(part)])
    else:
        _show(job, found, nodes)


def _show(job: Job, found: list[Part], nodes: list[Node]) -> None:
    show_drawing(receipt_table(job))
    known = {node.name: node.offer.topology for node in nodes}
    for part in found:
        if part.node in known:
            click.echo(f"\n{part.node}:")
            show_drawing(draw_topology(known[part.node], part.binding.cpus))


def _svg(found: list[Part], nodes: list[Node]) -> str:
    first = next((node for node in nodes if node.name == found[0].node), None)
    if first is None:
        raise NotFound(f"the controller does not know node {found[0].node!r} any more")
    return svg_topology(first.offer.topology, found[0].binding.cpus)
