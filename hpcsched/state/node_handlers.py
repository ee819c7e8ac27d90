"""What each event about a node does to the tables. A stale event does nothing."""

from __future__ import annotations

from dataclasses import replace

from hpcsched.model.node import Node, NodeOffer
from hpcsched.sched.certified import facts_for
from hpcsched.sched.changes import changes
from hpcsched.state import events
from hpcsched.state.commands import Command, Replan, SyncNode
from hpcsched.state.parts import lose_part
from hpcsched.state.tables import Tables
from hpcsched.state.transitions import NodeStep, changed_node


def controller_started(tables: Tables, event: events.ControllerStarted) -> list[Command]:
    for node in list(tables.nodes.values()):
        if node.connected:
            tables.put_node(changed_node(node, NodeStep.DISCONNECTED, event.time))
    return [Replan()]


def node_registered(tables: Tables, event: events.NodeRegistered) -> list[Command]:
    """A node that booted in between has lost what ran on it; a job must not start there a second time.

    One that came back with other hardware gets no job before someone has looked at it.
    """
    name, known = event.offer.name, tables.nodes.get(event.offer.name)
    offer = tables.offers.shared(event.offer)
    medians = known.medians if known and _is_as_fast(known.offer, event.offer) else ()
    node = changed_node(known or Node(offer), NodeStep.REGISTERED, event.time, offer=offer, medians=medians)
    rebooted = known is not None and known.offer.boot_id != event.offer.boot_id
    reason = _changed(known.offer, event.offer) if known and rebooted else ""
    held = reason and not node.drain_reason
    tables.put_node(changed_node(node, NodeStep.DRAINED, event.time, drain_reason=reason) if held else node)
    lost = lose_part(tables, name, f"node {name} was booted again", event.time) if rebooted else []
    return [*lost, SyncNode(name), Replan()]


def _is_as_fast(old: NodeOffer, new: NodeOffer) -> bool:
    """What was measured on it still tells of it: only images may have changed."""
    return facts_for(old.facts, "") == facts_for(new.facts, "")


def _changed(old: NodeOffer, new: NodeOffer) -> str:
    """Why a node that was booted again is not what it was; empty where it is, or where only its share of the machine changed."""
    if new.machine and new.machine == old.machine:
        return ""
    found = changes(old.topology, new.topology)
    return f"topology changed: {'; '.join(found)}" if found else ""


def node_disconnected(tables: Tables, event: events.NodeDisconnected) -> list[Command]:
    node = tables.nodes.get(event.name)
    if node is None or not node.connected:
        return []
    tables.put_node(changed_node(node, NodeStep.DISCONNECTED, event.time))
    return [Replan()]


def node_lost(tables: Tables, event: events.NodeLost) -> list[Command]:
    node = tables.nodes.get(event.name)
    if node is None or node.down or node.connected:
        return []
    tables.put_node(changed_node(node, NodeStep.LOST, event.time))
    return [*lose_part(tables, node.name, event.reason, event.time), Replan()]


def node_drained(tables: Tables, event: events.NodeDrained) -> list[Command]:
    node = tables.nodes.get(event.name)
    if node is None or not event.reason:
        return []
    tables.put_node(changed_node(node, NodeStep.DRAINED, event.time, drain_reason=event.reason))
    return [Replan()]


def node_measured(tables: Tables, event: events.NodeMeasured) -> list[Command]:
    """Nothing starts earlier or later for it."""
    node = tables.nodes.get(event.name)
    if node is not None:
        tables.put_node(replace(node, medians=event.medians))
    return []


def node_resumed(tables: Tables, event: events.NodeResumed) -> list[Command]:
    node = tables.nodes.get(event.name)
    if node is None or not node.drain_reason:
        return []
    tables.put_node(changed_node(node, NodeStep.RESUMED, event.time))
    return [Replan()]
