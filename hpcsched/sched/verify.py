"""The second judge: refuses a plan that breaks a rule, whoever wrote the policy. It looks at starts, not at the whole queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from operator import attrgetter

import numpy as np

from hpcsched.errors import PlanRejected
from hpcsched.model.allocation import Binding, NodeBinding
from hpcsched.model.job import Job, ResourceRequest
from hpcsched.model.node import Node, NodeOffer
from hpcsched.model.snapshot import Plan, Preempt, Snapshot, Start
from hpcsched.sched.binding_fault import binding_fault
from hpcsched.sched.constraint import matches, parse
from hpcsched.sched.fleet import in_service
from hpcsched.sched.kind import what_it_is
from hpcsched.sched.limits import LimitLedger
from hpcsched.sched.nodelist import left_out
from hpcsched.sched.partitions import is_member, partition_of
from hpcsched.sched.preempt import may_take
from hpcsched.sched.reserved import Reserved, horizon
from hpcsched.sched.verify_slots import new_worker_fault, slot_fault
from hpcsched.sched.waiting import in_columns

_NAME = attrgetter("offer.name")


def verify(plan: Plan, snapshot: Snapshot) -> None:
    """Raises PlanRejected that names the first broken rule."""
    for fault in _faults(plan, snapshot):
        raise PlanRejected(f"the policy's plan is refused: {fault}; this is a bug of the policy")


def _faults(plan: Plan, snapshot: Snapshot) -> Iterator[str]:
    named = {start.job_id for start in plan.starts} | set(plan.waits)
    jobs = _look_up(snapshot, named)
    yield from (f"job {job_id} is not pending, or is held" for job_id in named if job_id not in jobs)
    yield from _unanswered(plan, snapshot, jobs, named)
    yield from _starts(plan, snapshot, jobs)
    yield from _preempted(plan, snapshot)
    yield from _dismissed(plan, snapshot)


def _look_up(snapshot: Snapshot, wanted: set[int]) -> dict[int, Job]:
    """Only those named are looked at."""
    if not wanted:
        return {}
    pending = in_columns(snapshot.pending)
    places = np.flatnonzero(np.isin(pending.column("id"), np.fromiter(wanted, np.int64, len(wanted))))
    return {job.id: job for job in pending.picked(places)}


def _unanswered(plan: Plan, snapshot: Snapshot, jobs: dict[int, Job], named: set[int]) -> Iterator[str]:
    """An array may start on several nodes."""
    times = Counter(start.job_id for start in plan.starts)
    if any(number in plan.waits or (count > 1 and jobs[number].array is None) for number, count in times.items()):
        yield "a job has two answers"
    if plan.others is None and len(named) < len(snapshot.pending):
        missing = next(job.id for job in snapshot.pending if job.id not in named)
        yield f"job {missing} has neither a start nor a reason to wait"


def _starts(plan: Plan, snapshot: Snapshot, jobs: dict[int, Job]) -> Iterator[str]:
    if not plan.starts:
        return
    judge = _Judge(snapshot)
    for start in plan.starts:
        job = jobs[start.job_id]
        yield from judge.faults(start, job)


class _Judge:
    """Looks at one start after the other, as if those before it were granted."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._nodes = dict(zip(map(_NAME, snapshot.nodes), snapshot.nodes, strict=True))
        self._limits = LimitLedger(snapshot)
        self._reserved = Reserved(snapshot.reservations, snapshot.now)
        self._workers: dict[int, Job] | None = None
        self._spent: set[str] = set()
        self._bound: dict[tuple[int, ...], str] = {}
        """By the identity of what was compared, all of which the snapshot and the plan keep alive."""
        self._slots: dict[int, list[Start]] = {}

    def faults(self, start: Start, job: Job) -> Iterator[str]:
        nodes = len(start.allocation.bindings) if start.worker is None else 0
        wait = self._limits.why_not(job, nodes) or self._reserved.why_not(job)
        if wait is not None:
            yield f"job {job.id} may not start: {wait.message}"
        self._limits.spend(job, nodes)
        names, most = start.allocation.nodes, 1 if job.array is not None else job.spec.most_nodes
        if not (1 if job.array is not None else job.spec.nodes) <= len(names) <= most:
            asked = job.spec.nodes if most == job.spec.nodes else f"{job.spec.nodes} to {most}"
            yield f"job {job.id} asked for {asked} nodes and gets {len(names)}"
        for part in start.allocation.bindings:
            fault = self._place_fault(part.node, job) or self._use_fault(part, start, job)
            if fault:
                yield f"node {part.node}, for job {job.id}, {fault}"
            self._spent.add(part.node)

    def _place_fault(self, name: str, job: Job) -> str:
        """It is none of those that the job may have until its end."""
        node, spec = self._nodes.get(name), job.spec
        if node is None:
            return "is not known"
        partition = partition_of(self._snapshot.site, spec.partition)
        if partition is None or not is_member(partition, node.offer):
            return f"is not in partition {spec.partition or 'default'}"
        if not matches(parse(spec.constraint), node.offer.features):
            return f"does not have the features {spec.constraint}"
        if (fault := left_out(spec, node)) != "":
            return f"is {fault}"
        if not self._reserved.allows(job, name, horizon(spec, self._snapshot.now)):
            return "is reserved for others"
        return ""

    def _use_fault(self, part: NodeBinding, start: Start, job: Job) -> str:
        node = self._nodes[part.node]
        if start.worker is not None:
            return self._slot_fault(node, start, job)
        fault = "is given away twice" if part.node in self._spent else self._node_fault(node, job)
        if fault:
            return fault
        if start.slots or job.array is not None:
            return new_worker_fault(node.offer, start, job)
        return self._binding_fault(part.binding, node.offer, job.spec.resources)

    def _binding_fault(self, binding: Binding, offer: NodeOffer, request: ResourceRequest) -> str:
        """Once for all nodes that offer the same objects, of which most nodes are made."""
        key = (id(binding), id(request), *map(id, what_it_is(offer)))
        if key not in self._bound:
            self._bound[key] = binding_fault(binding, offer, request)
        return self._bound[key]

    def _slot_fault(self, node: Node, start: Start, job: Job) -> str:
        if self._workers is None:
            self._workers = {other.id: other for other in self._snapshot.running if other.is_worker}
        before = self._slots.setdefault(start.worker or 0, [])
        fault = slot_fault(node, self._workers.get(start.worker or 0), start, job, before)
        before.append(start)
        return fault

    def _node_fault(self, node: Node, job: Job) -> str:
        if not in_service(node):
            return "is disconnected, drained or down"
        if node.busy:
            return "is busy"
        if node.suspended and not self._is_kept(node, job):
            return "is kept for the job that waits there frozen"
        return "" if job.spec.runtime in node.offer.runtimes else f"has no runtime {job.spec.runtime}"

    def _is_kept(self, node: Node, job: Job) -> bool:
        frozen = node.suspended[-1]
        return any(other.id == frozen and other.preempted_by == job.id for other in self._snapshot.running)


def _preempted(plan: Plan, snapshot: Snapshot) -> Iterator[str]:
    if not plan.preempts:
        return
    jobs = {job.id: job for job in (*snapshot.running, *snapshot.pending)}
    running = {job.id for job in snapshot.running}
    qualities = {qos.name: qos for qos in snapshot.site.qos}
    for told in plan.preempts:
        if told.job_id not in running or told.by not in jobs:
            yield f"job {told.job_id} does not run, or {told.by} does not wait"
        elif may_take(qualities, jobs[told.by], jobs[told.job_id]) is not told.mode:
            yield f"job {told.by} has no right to preempt job {told.job_id} by {told.mode}"
    yield from _told_twice(plan.preempts)


def _told_twice(preempts: tuple[Preempt, ...]) -> Iterator[str]:
    times = Counter(told.job_id for told in preempts)
    yield from (f"job {number} is preempted twice" for number, count in times.items() if count > 1)


def _dismissed(plan: Plan, snapshot: Snapshot) -> Iterator[str]:
    if plan.dismissed:
        workers = {job.id for job in snapshot.running if job.is_worker}
        yield from (f"job {number} is dismissed and no worker" for number in sorted(plan.dismissed - workers))
