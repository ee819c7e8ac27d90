"""`hpcsched nodes`."""

from __future__ import annotations

from collections.abc import Callable

import click

from hpcsched.cli import wording, wording_devices
from hpcsched.cli.context import Context
from hpcsched.cli.output import Column, output_option, show
from hpcsched.model.device import DeviceKind
from hpcsched.model.node import Node
from hpcsched.sched.reserved import Reserved


def _job(node: Node) -> str:
    return str(node.job_id) if node.job_id is not None else ""


def _columns(reserved: Reserved) -> tuple[Column[Node], ...]:
    return (*COLUMNS[:-1], Column("RESERVED", lambda node: reserved.holder(node.name)), *COLUMNS[-1:])


def _plain(reserved: Reserved) -> tuple[Callable[[Node], str], ...]:
    return (*PLAIN, lambda node: reserved.holder(node.name))


COLUMNS: tuple[Column[Node], ...] = (
    Column("NAME", lambda node: node.name),
    Column("STATE", lambda node: node.state.value),
    Column("JOB", _job, right=True),
    Column("CORES", lambda node: str(wording.cores(node)), right=True),
    Column("CPUS", lambda node: str(node.offer.cpus)),
    Column("NUMA", lambda node: str(len(node.offer.topology.numa_nodes)), right=True),
    Column("MEMORY", lambda node: wording.size(node.offer.memory), right=True),
    Column("GPUS", lambda node: wording_devices.count(len(wording_devices.of_kind(node, DeviceKind.GPU))), right=True),
    Column("MODEL", lambda node: node.offer.topology.cpu_model, wide=True),
    Column("REASON", lambda node: node.drain_reason, wide=True),
)
PLAIN: tuple[Callable[[Node], str], ...] = (
    lambda node: node.name,
    lambda node: node.state.value,
    _job,
    lambda node: str(wording.cores(node)),
    lambda node: str(node.offer.cpus),
    lambda node: str(len(node.offer.topology.numa_nodes)),
    lambda node: str(node.offer.memory),
    lambda node: node.drain_reason,
    lambda node: str(len(wording_devices.of_kind(node, DeviceKind.GPU))),
)


@click.command(epilog="Example: hpcsched nodes --output json | jq -r '.[].offer.name'")
@output_option
@click.pass_obj
def command(context: Context, form: str) -> None:
    """List the nodes, what of them jobs may have, and which job each one has.

    Plain columns: name, state, job id, cores, cpus, memory nodes, memory in bytes, reason of the drain, GPUs, reservation that
    holds it now.
    """
    with context.client() as client:
        found = client.nodes()
        reserved = Reserved(client.reservations(), context.now())
    show(found, _columns(reserved), _plain(reserved), form)
