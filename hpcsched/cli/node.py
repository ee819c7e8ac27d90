"""`hpcsched node`."""

from __future__ import annotations

import click

from hpcsched.cli import live_names, wording, wording_devices
from hpcsched.cli.context import Context
from hpcsched.cli.output import output_option, show_facts
from hpcsched.model.canary import CanaryFigure, NodeCanaries
from hpcsched.model.certificate import Certified
from hpcsched.model.device import DeviceKind
from hpcsched.model.node import Node
from hpcsched.model.units import format_figure
from hpcsched.sched.certified import stale


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
        ("suspended", " ".join(map(str, node.suspended))),
        ("cleaning", " ".join(map(str, node.cleaning))),
        ("model", topology.cpu_model),
        ("cpus", f"{offer.cpus} (of {topology.pus})"),
        ("cores", f"{wording.cores(node)} (of {len(topology.cores)})"),
        ("memory", f"{wording.size(offer.memory) or '?'} (of {wording.size(topology.memory) or '?'})"),
        *_numa(node),
        *_devices(node),
        ("runtimes", " ".join(offer.runtimes)),
        ("tunings", " ".join(offer.tunings)),
        ("features", " ".join(offer.features)),
        *((f"certificate {one.image}", _certificate(node, one)) for one in node.certified),
        *_canaries(node.canaries),
        *(("fact", f"{name}: {value}") for name, value in offer.facts),
        ("version", offer.version),
        ("boot_id", offer.boot_id),
        ("topology", topology.digest),
        ("machine", offer.machine),
    ]
    return [(name, value) for name, value in found if value]


def _certificate(node: Node, certified: Certified) -> str:
    reason = stale(certified, node.offer.facts)
    worst = max((figure.value for figure in certified.figures if figure.name.startswith("overhead.")), default=0.0)
    cost = f", {len(certified.figures)} figures, costs at most {worst:.2%}" if certified.figures else ""
    holds = f"no longer holds: {reason}" if reason else "holds"
    return f"{certified.id} of {wording.moment(certified.issued)}{cost}; {holds}"


def _canaries(found: NodeCanaries | None) -> list[tuple[str, str]]:
    return [(f"canary {figure.metric}", _canary(figure, found.measured)) for figure in found.figures] if found else []


def _canary(figure: CanaryFigure, measured: float) -> str:
    median, usual = format_figure(figure.median, 4), format_figure(figure.usual, 4)
    away = f"{figure.deviation:+.1%} from its baseline of {usual}" if figure.usual else "its baseline is being learnt"
    return f"median {median} {figure.unit}, {away}; measured {wording.moment(measured)}"


def _numa(node: Node) -> list[tuple[str, str]]:
    found = [
        (f"numa {part.os_index}", f"cpus {part.pus or 'none'}  memory {wording.size(part.memory) or 'none'}  {part.tier}")
        for part in node.offer.topology.numa_nodes
    ]
    return found + [(f"hugepages {size}", pool) for size, pool in wording_devices.pools(node.offer.hugepages)]


def _devices(node: Node) -> list[tuple[str, str]]:
    """A line for all of a kind, and one for each."""
    found = []
    for kind in DeviceKind:
        alike = wording_devices.of_kind(node, kind)
        found.append((f"{kind.value.lower()}s", wording_devices.by_model(alike)))
        found += [(f"{kind.value.lower()} {device.id}", wording_devices.one_device(device)) for device in alike]
    return found


@click.command(epilog="Example: hpcsched node n1")
@click.argument("name", metavar="NAME", shell_complete=live_names.nodes)
@output_option
@click.pass_obj
def command(context: Context, name: str, form: str) -> None:
    """Show all that is known of one node."""
    with context.client() as client:
        node = client.node(name)
    show_facts(facts(node), form, node)
