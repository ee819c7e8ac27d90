"""Canaries: jobs of the controller that measure nodes while nothing else wants them.

One starts only on an idle node and while no job waits for nodes; as soon as one does, all are ended without grace. To policies
their nodes are such as come free in a moment (`Ledger.due`). They count for no limit and no share, and leave no record.
"""

from __future__ import annotations

from hpcsched.model.allocation import Allocation, NodeBinding
from hpcsched.model.job import Job, JobSpec, JobState, Reason
from hpcsched.model.node import Node
from hpcsched.model.snapshot import Plan
from hpcsched.sched.fit import Fitter
from hpcsched.sched.fleet import in_service, is_free
from hpcsched.sched.reserved import Reserved, horizon
from hpcsched.state.events import AllocationGranted, CancelRequested, Event, JobsSubmitted, SubmittedJob
from hpcsched.state.tables import Tables

SLOW = "slow: "
"""How the reason of a drain begins that canaries were the cause of: they alone still run there."""
WHY = "it is idle"
_FOR_NODES = frozenset({Reason.RESOURCES, Reason.PRIORITY})
_fitter = Fitter()


def begin(tables: Tables, name: str, spec: JobSpec, request_id: str, plan: Plan, now: float) -> list[Event]:
    """A canary on that node, at once; nothing where it cannot run now. `plan`: the last one."""
    node = tables.nodes.get(name)
    if node is None or not may_have(node) or wants_nodes(plan):
        return []
    job = Job(tables.next_job_id, spec, request_id, JobState.PENDING, now)
    binding = _fitter.fit(node.offer, spec)
    if binding is None or not Reserved(tuple(tables.reservations.values()), now).allows(job, name, horizon(spec, now)):
        return []
    allocation = Allocation((NodeBinding(name, binding),))
    submitted = JobsSubmitted(now, request_id, (SubmittedJob(job.id, spec),))
    return [submitted, AllocationGranted(now, job.id, allocation, WHY)]


def make_way(tables: Tables, plan: Plan, now: float) -> list[CancelRequested]:
    """All of them end when the plan leaves a job waiting for nodes."""
    if not tables.canaries or not wants_nodes(plan):
        return []
    return [CancelRequested(now, number) for number in sorted(tables.canaries) if not tables.jobs[number].cancel_requested]


def may_have(node: Node) -> bool:
    """It is idle, and in service or drained because of canaries."""
    if not is_free(node):
        return False
    return in_service(node) or (node.connected and not node.down and node.drain_reason.startswith(SLOW))


def wants_nodes(plan: Plan) -> bool:
    """A job waits for nothing but nodes."""
    waits = () if plan.others is None else (plan.others,)
    return any(wait.reason in _FOR_NODES for wait in (*waits, *plan.waits.values()))
