"""docs/states.md out of the transition tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product

from hpcsched.model.container import EndCause
from hpcsched.model.idset import IdSet
from hpcsched.model.job import JobState
from hpcsched.model.node import Node, NodeOffer, NodeState
from hpcsched.model.topology import Topology
from hpcsched.state.transitions import JOB_TABLE, NODE_TABLE, REASONS, NodeStep, end_step

_HEAD = """# States

Drawn from the tables in `hpcsched/state/transitions.py`, which the controller obeys: what is not drawn does not happen.
To draw it again: `python -c "from hpcsched.state.draw import states_markdown as draw; print(draw(), end='')" > docs/states.md`
"""
_JOBS = """## Jobs

A job that waits is `PENDING` (held or not). It is `CONFIGURING` from the moment nodes are its own until its containers run on
all of them, and `COMPLETING` when its end is known but containers on other nodes still stop. A short job may go from
`CONFIGURING` to its end, because agents report where things stand and not each step. A cancel is a wish, not a state: the job
ends when its first node has ended it. A job with tasks runs its command on all of its nodes: it ends when all of them are done,
or as the first that is not done with exit code 0. A small job that is requeued stays as it is until its task has ended in the
container that it shares, and then waits again.
"""
_NODES = """## Nodes

The state of a node follows from what is known of it: whether its agent is connected, whether it was given up as lost, whether
it is drained, and whether a job owns it or is being cleaned up there. So one happening can lead to several states.
"""


def states_markdown() -> str:
    """The whole file."""
    parts = (_HEAD, _JOBS, _diagram(_job_edges()), _job_ends(), _NODES, _diagram(_node_edges()), _node_fields())
    return "\n".join(parts)


def _diagram(edges: Iterable[tuple[str, str, str]]) -> str:
    merged: dict[tuple[str, str], list[str]] = {}
    for before, after, step in edges:
        merged.setdefault((before, after), []).append(step)
    lines = [f"    {before} --> {after}{_label(steps)}" for (before, after), steps in merged.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", ""])


def _label(steps: list[str]) -> str:
    words = ", ".join(dict.fromkeys(step for step in steps if step))
    return f" : {words}" if words else ""


def _job_edges() -> Iterator[tuple[str, str, str]]:
    yield "[*]", JobState.PENDING, "submitted"
    for (before, step), after in JOB_TABLE.items():
        yield before, after, step
    for state in JobState:
        if state.ended:
            yield state, "[*]", ""


def _node_edges() -> Iterator[tuple[str, str, str]]:
    yield "[*]", _after(_unknown(), NodeStep.REGISTERED), f"{NodeStep.REGISTERED} for the first time"
    edges = {(node.state, _after(node, step), step): None for node in _all_nodes() for step in NodeStep if _can(node, step)}
    for before, after, step in sorted(edges, key=_in_order):
        if before is not after:
            yield before, after, step


def _in_order(edge: tuple[NodeState, NodeState, NodeStep]) -> tuple[int, int, int]:
    before, after, step = edge
    return list(NodeState).index(before), list(NodeState).index(after), list(NodeStep).index(step)


def _unknown() -> Node:
    return Node(NodeOffer("n1", Topology((), ()), IdSet(), 0, "", ""))


def _all_nodes() -> Iterator[Node]:
    """Every combination of what can be known of a node."""
    for connected, down, reason, job_id, cleaning in product((False, True), (False, True), ("", "x"), (None, 1), ((), (1,))):
        if not (connected and down) and not (job_id and cleaning):
            yield replace(_unknown(), connected=connected, down=down, drain_reason=reason, job_id=job_id, cleaning=cleaning)


def _can(node: Node, step: NodeStep) -> bool:
    """Whether that happens to such a node at all; a lost node has no job left, an agent's words need its stream."""
    if step is NodeStep.GRANTED:
        return not node.busy and node.connected and not node.drain_reason
    if step is NodeStep.RELEASED:
        return node.job_id is not None and not node.down
    if step is NodeStep.CLEANED:
        return bool(node.cleaning) and node.connected
    return step is not NodeStep.LOST or not node.connected


def _after(node: Node, step: NodeStep) -> NodeState:
    return replace(node, **NODE_TABLE[step]).state


def _job_ends() -> str:
    rows = [_end_row(cause, code) for cause in EndCause for code in ((0, 1) if cause is EndCause.EXIT else (None,))]
    head = ["How the first node (or a part that failed before it) ended, and what the job is then:", ""]
    return "\n".join([*head, "| cause | exit code | state | reason |", "|---|---|---|---|", *rows, ""])


def _end_row(cause: EndCause, code: int | None) -> str:
    step = end_step(cause, code)
    shown = {None: "", 0: "0", 1: "other"}[code]
    return f"| `{cause}` | {shown} | `{JOB_TABLE[JobState.RUNNING, step]}` | `{REASONS[step]}` |"


def _node_fields() -> str:
    rows = [
        f"| {step} | {', '.join(f'`{name}` = `{value!r}`' for name, value in NODE_TABLE[step].items())} |" for step in NodeStep
    ]
    return "\n".join(["| what happens | what changes (ids and reasons are examples) |", "|---|---|", *rows, ""])
