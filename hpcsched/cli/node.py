"""`hpcsched node`."""

from __future__ import annotations

import click

from hpcsched.cli import wording
from hpcsched.cli.context import Context
from hpcsched.cli.output import output_option, show_facts
from hpcsched.model.node import Node


def facts(node: Node) -> list[tuple[str, str]]:
    """What there is to say about a node; what is empty is left out."""
    offer, topology = node.offer, node.offer.topology
    found = [
        ("name", node.name),
        ("state", node.state.value),
        ("reason", node.drain_reason),
        ("since", wording.moment(node.since)),
        ("connected", "yes" if node.connected else "no"),
        ("job", str(node.job_id or "")),
        ("cleaning", " ".join(map(str, node.cleaning))),
        ("model", topology.cpu_model),
        ("cpus", f"{offer.cpus} (of {topology.pus})"),
        ("cores", f"{wording.cores(node)} (of {len(topology.cores)})"),
        ("memory", f"{wording.size(offer.memory) or '?'} (of {wording.size(topology.memory) or '?'})"),
        ("runtimes", " ".join(offer.runtimes)),
        ("version", offer.version),
        ("boot_id", offer.boot_id),
    ]
    numa = [(f"numa {part.os_index}", f"cpus {part.pus}  memory {wording.size(part.memory)}") for part in topology.numa_nodes]
    return [(name, value) for name, value in (*found, *numa) if value]


@click.command(epilog="Example: hpcsched node n1")
@click.argument("name", metavar="NAME")
@output_option
@click.pass_obj
def command(context: Context, name: str, form: str) -> None:
    """Show all that is known of one node."""
    with context.client() as client:
        node = client.node(name)
    show_facts(facts(node), form, node)
