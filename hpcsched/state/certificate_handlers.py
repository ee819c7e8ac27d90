"""What a certificate does to the tables. One of an unknown node does nothing."""

from __future__ import annotations

from dataclasses import replace

from hpcsched.state import events
from hpcsched.state.commands import Command, Replan
from hpcsched.state.tables import Tables


def node_certified(tables: Tables, event: events.NodeCertified) -> list[Command]:
    """It takes the place of the one before for that image."""
    node = tables.nodes.get(event.name)
    if node is None:
        return []
    others = (one for one in node.certified if one.image != event.certified.image)
    tables.put_node(replace(node, certified=(*others, event.certified)))
    return [Replan()]


def certificate_revoked(tables: Tables, event: events.CertificateRevoked) -> list[Command]:
    node = tables.nodes.get(event.name)
    if node is None or all(one.id != event.id for one in node.certified):
        return []
    tables.put_node(replace(node, certified=tuple(one for one in node.certified if one.id != event.id)))
    return [Replan()]
