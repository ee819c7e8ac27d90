"""What each event about a job does to the tables. A stale event does nothing."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from hpcsched.model.array import ArrayProgress, parse_array
from hpcsched.model.container import Phase
from hpcsched.model.job import Job, JobState, Reason, changed_job
from hpcsched.model.node import Node
from hpcsched.model.ranges import of_bytes
from hpcsched.model.site import PreemptMode
from hpcsched.state import events
from hpcsched.state.arrays import cancel_array, hungry_workers
from hpcsched.state.commands import Command, JobChanged, Replan, SyncNode
from hpcsched.state.ending import finish
from hpcsched.state.following import barred
from hpcsched.state.parts import end_parts, ended, part_index, run_part, unfinished
from hpcsched.state.preemption import taken_how, why_these
from hpcsched.state.tables import Tables, hold
from hpcsched.state.transitions import JobStep, NodeStep, changed_node, changed_nodes, next_state


def jobs_submitted(tables: Tables, event: events.JobsSubmitted) -> list[Command]:
    for item in event.jobs:
        if item.job_id >= tables.next_job_id:
            job = _submitted(item, event)
            tables.add_job(hold(job) if item.spec.hold else job)
    return [Replan()]


def _submitted(item: events.SubmittedJob, event: events.JobsSubmitted) -> Job:
    spec = item.spec
    since = 0.0 if spec.dependency else max(event.time, spec.begin_time)
    tasks = ArrayProgress(len(parse_array(spec.array))) if spec.array else None
    job = Job(item.job_id, spec, event.request_id, JobState.PENDING, event.time, eligible_time=since, array=tasks)
    return barred(job, of_bytes(item.barred)) if item.barred else job


def cancel_requested(tables: Tables, event: events.CancelRequested) -> list[Command]:
    job = tables.jobs.get(event.job_id)
    if job is None or job.cancel_requested:
        return []
    job = replace(job, cancel_requested=True, message=job.message if job.preempt_mode else "")
    if job.array is not None:
        return cancel_array(tables, job, event.time)
    if job.state is JobState.PENDING:
        return finish(tables, replace(job, message=""), JobStep.CANCELLED, event.time)
    tables.put_job(job)
    return [*(SyncNode(name) for name in unfinished(job)), JobChanged(job.id)]


def job_held(tables: Tables, event: events.JobHeld) -> list[Command]:
    job = tables.jobs.get(event.job_id)
    if job is None or (job.state is not JobState.PENDING and job.array is None) or job.held:
        return []
    hungry_workers(tables, job)
    tables.put_job(hold(job))
    return [JobChanged(job.id), Replan()]


def job_released(tables: Tables, event: events.JobReleased) -> list[Command]:
    job = tables.jobs.get(event.job_id)
    if job is None or not job.held:
        return []
    hungry_workers(tables, job)
    tables.put_job(replace(job, reason=Reason.NONE, message=""))
    return [JobChanged(job.id), Replan()]


def allocation_granted(tables: Tables, event: events.AllocationGranted) -> list[Command]:
    job = tables.jobs.get(event.job_id)
    state = next_state(job, JobStep.GRANTED) if job and job in tables.queue else None
    names = event.allocation.nodes
    nodes = free_nodes(tables, names)
    if job is None or state is None or not nodes:
        return []
    tables.put_job(
        changed_job(
            job,
            state=state,
            allocation=event.allocation,
            parts=(None,) * len(names),
            granted_time=event.time,
            message=why_these(job, event.why),
            left_worker=None,
        )
    )
    tables.put_nodes(changed_nodes(nodes, NodeStep.GRANTED, event.time, job_id=job.id, canary=job.spec.canary))
    looked_at_again = [Replan()] if taken_how(tables, job) is not PreemptMode.OFF else []
    return [*map(SyncNode, names), JobChanged(job.id), *looked_at_again]


def free_nodes(tables: Tables, names: Sequence[str]) -> list[Node]:
    """None where one is not known, not free or named twice."""
    nodes = [tables.nodes[name] for name in names if name in tables.nodes]
    busy = any(node.busy for node in nodes)
    return nodes if len(nodes) == len(set(names)) == len(names) and not busy else []


def container_reported(tables: Tables, event: events.ContainerReported) -> list[Command]:
    status = event.status
    job = tables.jobs.get(status.job_id)
    index = part_index(job, event.node) if job else None
    if job is None or index is None or ended(job.parts[index]) or status.phase is Phase.STARTING:
        return []
    if status.phase is Phase.EXITED:
        return end_parts(tables, job, _open_parts(job, {event.node, *event.also}), status, event.time, event.gone)
    return run_part(tables, job, index, status, event.time)


def _open_parts(job: Job, names: Set[str]) -> list[int]:
    """Places of those nodes whose part has not ended."""
    assert job.allocation is not None
    return [at for at, name in enumerate(job.allocation.nodes) if name in names and not ended(job.parts[at])]


def container_gone(tables: Tables, event: events.ContainerGone) -> list[Command]:
    found = [tables.nodes[name] for name in (event.node, *event.also) if name in tables.nodes]
    left = [node for node in found if event.job_id in node.cleaning]
    if all(len(node.cleaning) == 1 for node in left):
        tables.put_nodes(changed_nodes(left, NodeStep.CLEANED, event.time))
    else:
        tables.put_nodes([_cleaned(node, event) for node in left])
    return [Replan()] if left else []


def _cleaned(node: Node, event: events.ContainerGone) -> Node:
    """One on which something of other jobs may be left."""
    left = tuple([number for number in node.cleaning if number != event.job_id])
    return changed_node(node, NodeStep.CLEANED, event.time, cleaning=left)
