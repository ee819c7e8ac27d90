"""`hpcsched topology`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsched.cli.context import Context
from hpcsched.cli.drawing import draw_topology, svg_topology
from hpcsched.cli.output import output_option, show_drawing, show_json, show_rows
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Topology


@click.command(epilog="Example: hpcsched topology n1 --svg n1.svg; hpcsched topology --xml n1.xml")
@click.argument("node", metavar="[NODE]", required=False)
@click.option(
    "--xml", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Draw what `lstopo FILE.xml` wrote elsewhere."
)
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a drawing.")
@output_option
@click.pass_obj
def command(context: Context, node: str | None, xml: Path | None, svg: Path | None, form: str) -> None:
    """Draw a node's packages, memory nodes, caches, cores and devices; the cores of its job are marked. Without NODE: this host.

    Plain columns, one line for each core: core, package, memory node, cpus.
    """
    if node and xml:
        raise click.UsageError(f"give a node or --xml, not both: {node} and {xml}")
    topology, marked = _of_node(context, node) if node else (_of_host(xml), IdSet())
    if svg:
        svg.write_text(svg_topology(topology, marked))
    if form == "json":
        show_json(topology)
    elif form == "plain":
        show_rows([(str(core.logical), str(core.package), str(core.numa), str(core.pus)) for core in topology.cores])
    else:
        show_drawing(draw_topology(topology, marked))


def _of_host(xml: Path | None) -> Topology:
    """Of this host, or of the one where the file of hwloc XML was written."""
    from hpcsched.hardware.topology import read_topology, topology_from_file

    return topology_from_file(xml) if xml else read_topology()


def _of_node(context: Context, name: str) -> tuple[Topology, IdSet]:
    """The node's topology, and the PUs of the job that runs there."""
    with context.client() as client:
        node = client.node(name)
        job = client.job(node.job_id) if node.job_id is not None else None
    binding = job.allocation.on(name) if job and job.allocation else None
    return node.offer.topology, binding.cpus if binding else IdSet()
