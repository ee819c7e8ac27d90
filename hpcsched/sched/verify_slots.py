"""What is wrong with slots in worker containers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hpcsched.model.allocation import Binding
from hpcsched.model.job import Job, JobSpec, ResourceRequest
from hpcsched.model.node import Node, NodeOffer
from hpcsched.model.snapshot import Start
from hpcsched.sched.binding_fault import binding_fault
from hpcsched.sched.packing import taken, takes, to_give


def new_worker_fault(offer: NodeOffer, start: Start, job: Job) -> str:
    """The container has one whole node, and the slots are disjoint parts of it."""
    whole = start.allocation.bindings[0].binding
    most = to_give(job) if job.array is not None else 1
    if not 1 <= len(start.slots) <= most:
        return f"would be a worker with {len(start.slots)} slots for {most} tasks"
    if whole.cpus != offer.cpus:
        return f"would give its worker the cpus {whole.cpus} and not all of them"
    return _crowded(start.slots, whole) or next(filter(None, (_unfit(slot, offer, job.spec) for slot in start.slots)), "")


def slot_fault(node: Node, worker: Job | None, start: Start, job: Job, before: Sequence[Start]) -> str:
    """The worker is the job's owner's and the slot is a part of it that nothing uses."""
    if worker is None or node.job_id != worker.id or worker.allocation is None:
        return f"has no worker {start.worker}"
    if not takes(worker, job):
        return f"has worker {worker.id}, which is another owner's or takes no more work"
    slot = start.allocation.bindings[0].binding
    others = (*taken(worker), *(one.allocation.bindings[0].binding for one in before))
    whole = worker.allocation.bindings[0].binding
    return _crowded((slot, *others), whole) or _unfit(slot, node.offer, job.spec)


def _unfit(slot: Binding, offer: NodeOffer, spec: JobSpec) -> str:
    return binding_fault(slot, offer, _of_a_slot(spec.resources))


def _of_a_slot(request: ResourceRequest) -> ResourceRequest:
    """Who shares a node gets the GPUs that it asks for, and none otherwise."""
    counted = request.cpus_per_node or request.cores_per_node or request.ntasks_per_node * request.cpus_per_task
    return replace(request, gpus_per_node=request.gpus_per_node or 0) if counted else request


def _crowded(slots: Sequence[Binding], whole: Binding) -> str:
    if any(not slot.cpus <= whole.cpus or not slot.mems <= whole.mems for slot in slots):
        return "would have a slot outside its worker"
    seen = 0
    for slot in slots:
        if seen & slot.cpus.mask:
            return "has two slots that share cpus"
        seen |= slot.cpus.mask
    return _over(slots, whole)


def _over(slots: Sequence[Binding], whole: Binding) -> str:
    gpus = [gpu for slot in slots for gpu in slot.gpus]
    if len(gpus) != len(set(gpus)):
        return "has two slots that share a GPU"
    if whole.memory and sum(slot.memory for slot in slots) > whole.memory:
        return "has slots with more memory than their worker"
    return ""
