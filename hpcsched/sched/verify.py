"""The second judge: refuses a plan that breaks a rule, whoever wrote the policy."""

from __future__ import annotations

from collections.abc import Iterator

from hpcsched.errors import PlanRejected
from hpcsched.model.job import Job
from hpcsched.model.node import Node
from hpcsched.model.snapshot import Plan, Snapshot, Start
from hpcsched.sched.binding_fault import binding_fault
from hpcsched.sched.fleet import in_service


def verify(plan: Plan, snapshot: Snapshot) -> None:
    """Raises PlanRejected that names the first broken rule."""
    for fault in _faults(plan, snapshot):
        raise PlanRejected(f"the policy's plan is refused: {fault}; this is a bug of the policy")


def _faults(plan: Plan, snapshot: Snapshot) -> Iterator[str]:
    named = {start.job_id for start in plan.starts} | set(plan.waits)
    jobs = _look_up(snapshot, named)
    yield from (f"job {job_id} is not pending, or is held" for job_id in named if job_id not in jobs)
    yield from _unanswered(plan, snapshot, named)
    nodes = {node.name: node for node in snapshot.nodes} if plan.starts else {}
    spent: set[str] = set()
    for start in plan.starts:
        yield from _start_faults(start, jobs[start.job_id], nodes, spent)


def _look_up(snapshot: Snapshot, wanted: set[int]) -> dict[int, Job]:
    """Stops at the last one found: they mostly stand at the front of a long queue."""
    found: dict[int, Job] = {}
    for job in snapshot.pending:
        if len(found) == len(wanted):
            break
        if job.id in wanted:
            found[job.id] = job
    return found


def _unanswered(plan: Plan, snapshot: Snapshot, named: set[int]) -> Iterator[str]:
    if len(named) != len(plan.starts) + len(plan.waits):
        yield "a job has two answers"
    if plan.others is None and len(named) < len(snapshot.pending):
        missing = next(job.id for job in snapshot.pending if job.id not in named)
        yield f"job {missing} has neither a start nor a reason to wait"


def _start_faults(start: Start, job: Job, nodes: dict[str, Node], spent: set[str]) -> Iterator[str]:
    names = start.allocation.nodes
    if len(names) != job.spec.nodes:
        yield f"job {job.id} asked for {job.spec.nodes} nodes and gets {len(names)}"
    for part in start.allocation.bindings:
        fault = _node_fault(nodes.get(part.node), job) or binding_fault(part.binding, nodes[part.node].offer, job.spec.resources)
        if part.node in spent:
            fault = "is given away twice"
        if fault:
            yield f"node {part.node}, for job {job.id}, {fault}"
        spent.add(part.node)


def _node_fault(node: Node | None, job: Job) -> str:
    if node is None:
        return "is not known"
    if not in_service(node):
        return "is disconnected, drained or down"
    if node.busy:
        return "is busy"
    return "" if job.spec.runtime in node.offer.runtimes else f"has no runtime {job.spec.runtime}"
