"""The nodes that a job names as the only ones that it may have."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.job import JobSpec
from hpcsched.model.node import Node
from hpcsched.sched.bounds import short
from hpcsched.sched.requirement import lack, require_certified

MOST = 100_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}", re.ASCII)


def check_nodelist(spec: JobSpec) -> None:
    """Raises InvalidValue."""
    names = spec.nodelist
    if len(names) > MOST:
        raise InvalidValue(f"a list of {len(names)} nodes, at most {MOST}")
    bad = next((name for name in names if not _NAME.fullmatch(name)), None)
    if bad is not None:
        raise InvalidValue(f"bad node name {short(bad)} in the list of nodes: up to 253 letters, digits and ._-")
    if names and not spec.array and spec.nodes > len(set(names)):
        raise InvalidValue(f"asks for {spec.nodes} nodes of a list of {len(set(names))}: name more, or ask for fewer")


def chosen(spec: JobSpec, nodes: Sequence[Node]) -> list[Node]:
    """Those that it names and that show what it requires. Raises Infeasible."""
    found = _named(spec.nodelist, nodes) if spec.nodelist and nodes else list(nodes)
    return require_certified(spec.require, found, spec.image) if spec.require else found


def left_out(spec: JobSpec, node: Node) -> str:
    """Why the job may not have that node, by its list and what it requires; empty: it may."""
    if spec.nodelist and node.name not in spec.nodelist:
        return "not in its list of nodes"
    return "without what it requires" if spec.require and lack(spec.require, node, spec.image) else ""


def _named(names: Sequence[str], nodes: Sequence[Node]) -> list[Node]:
    known = {node.name: node for node in nodes}
    for name in names:
        if name not in known:
            raise Infeasible(f"there is no node {name!r}; `hpcsched nodes` lists those that are known")
    return [known[name] for name in dict.fromkeys(names)]
