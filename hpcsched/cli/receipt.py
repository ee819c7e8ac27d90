"""`hpcsched receipt`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hpcsched.cli.context import Context
from hpcsched.cli.drawing import draw_topology
from hpcsched.cli.job_id import job_argument
from hpcsched.cli.output import output_option, show_drawing, show_json, show_rows
from hpcsched.cli.receipt_part import Part, parts, rows
from hpcsched.cli.receipt_rows import receipt_table
from hpcsched.cli.svg_binding import svg_binding
from hpcsched.errors import NotFound
from hpcsched.model.job import Job
from hpcsched.model.node import Node

SCHEMA_TITLE = "hpcsched receipt ID --output json"


def schema_text() -> str:
    """JSON Schema of `--output json`, as `docs/receipt.schema.json` has it."""
    from hpcsched.cli.schema import list_schema

    return json.dumps(list_schema(Part, SCHEMA_TITLE), indent=2) + "\n"


def _print_schema(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(schema_text(), nl=False)
        ctx.exit()


@click.command(epilog="Example: hpcsched receipt 12 --output json | jq '.[].differs'")
@job_argument
@click.option(
    "--svg", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the drawing of the first node."
)
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON Schema of --output json and exit.",
)
@output_option
@click.pass_obj
def command(context: Context, job_id: int, svg: Path | None, form: str) -> None:
    """Show what a job asked for, what it was granted, and what the kernel showed after the start; and draw its cores.

    ✓ as granted, ✗ otherwise, ~ the job runs, but the node could not give all that was asked, · recorded only. Of a job that runs
    in a part of its worker's container: that container's.

    Plain columns: node, field, granted, observed.
    """
    with context.client() as client:
        job = client.job(job_id)
        job = client.job(job.worker) if job.worker else job
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
    return svg_binding(first.offer, found[0].binding)
