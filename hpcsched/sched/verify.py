"""The second judge: refuses a plan that breaks a rule, whoever wrote the policy."""

from __future__ import annotations

from collections.abc import Iterator

from hpcsched.errors import PlanRejected
from hpcsched.model.allocation import Binding
from hpcsched.model.job import Job
from hpcsched.model.node import Node, NodeOffer
from hpcsched.model.snapshot import Plan, Snapshot, Start
from hpcsched.sched.ledger import in_service


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
        fault = _node_fault(nodes.get(part.node), job) or _binding_fault(part.binding, nodes[part.node].offer, job)
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


def _binding_fault(binding: Binding, offer: NodeOffer, job: Job) -> str:
    if not binding.cpus or not binding.cpus <= offer.cpus:
        return f"hands out cpus {offer.cpus}, not {str(binding.cpus) or '(none)'}"
    if offer.memory and binding.memory > offer.memory:
        return f"hands out {offer.memory} bytes, not {binding.memory}"
    return _mems_fault(binding, offer) or _shortfall(binding, job)


def _mems_fault(binding: Binding, offer: NodeOffer) -> str:
    with_memory = {node.os_index: node for node in offer.topology.numa_nodes if node.memory}
    wrong = [number for number in binding.mems if number not in with_memory]
    if wrong or not binding.mems:
        return f"has no memory node {wrong[0] if wrong else ''}".rstrip()
    away = [
        number for number, node in with_memory.items() if number not in binding.mems and not node.pus.isdisjoint(binding.cpus)
    ]
    return f"would keep cpus {binding.cpus} from their own memory node {away[0]}" if away else ""


def _shortfall(binding: Binding, job: Job) -> str:
    request = job.spec.resources
    if len(binding.cpus) < max(request.cpus_per_node, request.cores_per_node):
        return f"gives {len(binding.cpus)} cpus, fewer than asked"
    return f"gives {binding.memory} bytes, less than asked" if binding.memory < request.mem_per_node else ""
