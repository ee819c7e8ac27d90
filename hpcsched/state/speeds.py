"""How fast nodes are by their canaries, as far as plans regard it: it changes only with what plans would tell apart."""

from __future__ import annotations

from collections.abc import Sequence

from hpcsched.model.canary import Median
from hpcsched.sched.speeds import WITHIN
from hpcsched.state.events import NodeMeasured
from hpcsched.state.tables import Tables


def measured(tables: Tables, name: str, medians: Sequence[Median], now: float) -> list[NodeMeasured]:
    """Nothing where the node is about as fast as it was."""
    node = tables.nodes.get(name)
    if node is None or not _differ(node.medians, medians):
        return []
    return [NodeMeasured(now, name, tuple(medians))]


def forgotten(tables: Tables, now: float) -> list[NodeMeasured]:
    """All of it, where there are no canaries any more."""
    return [NodeMeasured(now, node.name, ()) for node in tables.nodes.values() if node.medians]


def _differ(before: Sequence[Median], now: Sequence[Median]) -> bool:
    known = {(one.metric, one.unit): one.value for one in before}
    found = {(one.metric, one.unit): one.value for one in now}
    return known.keys() != found.keys() or any(_is_far(known[key], value) for key, value in found.items())


def _is_far(one: float, other: float) -> bool:
    return max(one, other) > min(one, other) * (1 + WITHIN)
