"""What each event about a worker and its tasks does to the tables. A stale event does nothing."""

from __future__ import annotations

from dataclasses import replace

from hpcsched.model.allocation import Allocation, Binding, NodeBinding
from hpcsched.model.array import Assigned
from hpcsched.model.job import Job, JobState
from hpcsched.model.ranges import common, count, union, without
from hpcsched.sched.packing import taken, takes, worker_spec
from hpcsched.state import events
from hpcsched.state.arrays import hungry_workers, nodes_of, settle
from hpcsched.state.commands import Command, JobChanged, Replan, SyncNode
from hpcsched.state.following import without_tasks
from hpcsched.state.tables import Tables
from hpcsched.state.task_ends import news, task_news, with_work
from hpcsched.state.transitions import JobStep, NodeStep, changed_node, next_state
from hpcsched.state.works import give_out


def worker_granted(tables: Tables, event: events.WorkerGranted) -> list[Command]:
    job, name = tables.jobs.get(event.job_id), event.allocation.nodes[0]
    node = tables.nodes.get(name)
    if job is None or not tables.may_start(job) or node is None or node.busy or event.worker_id < tables.next_job_id:
        return []
    worker = Job(
        event.worker_id,
        worker_spec(job.spec),
        f"worker:{event.worker_id}",
        JobState.CONFIGURING,
        event.time,
        allocation=event.allocation,
        parts=(None,),
        granted_time=event.time,
        is_worker=True,
    )
    tables.add_job(worker)
    tables.put_node(changed_node(node, NodeStep.GRANTED, event.time, job_id=worker.id))
    tables.hungry.add(worker.id)
    if job.array is None:
        return [*_into_slot(tables, worker, job, event.slots[0], event.time), Replan()]
    tables.put_job(replace(worker, assigned=(Assigned(job.id, (), event.slots, since=event.time),)))
    nodes = job.array.nodes if name in job.array.nodes else (*job.array.nodes, name)
    tables.put_job(replace(job, array=replace(job.array, workers=(*job.array.workers, worker.id), nodes=nodes)))
    return [SyncNode(name), JobChanged(job.id), Replan()]


def slot_granted(tables: Tables, event: events.SlotGranted) -> list[Command]:
    job, worker = tables.jobs.get(event.job_id), tables.jobs.get(event.worker_id)
    if job is None or worker is None or job.array is not None or not tables.may_start(job) or not takes(worker, job):
        return []
    slot = event.allocation.bindings[0].binding
    free = all(slot.cpus.isdisjoint(other.cpus) for other in taken(worker))
    if event.allocation.nodes != nodes_of(tables, worker.id) or not free:
        return []
    return _into_slot(tables, worker, job, slot, event.time)


def _into_slot(tables: Tables, worker: Job, job: Job, slot: Binding, time: float) -> list[Command]:
    state = next_state(job, JobStep.GRANTED)
    assert state is not None
    assert worker.allocation is not None
    name = worker.allocation.nodes[0]
    given = Allocation((NodeBinding(name, slot),))
    tables.put_job(replace(worker, assigned=(*worker.assigned, Assigned(job.id, ((0, 1),), (slot,), since=time))))
    tables.put_job(
        replace(
            job, state=state, allocation=given, parts=(None,), worker=worker.id, granted_time=time, left_worker=None, message=""
        )
    )
    return [SyncNode(name), JobChanged(job.id)]


def work_assigned(tables: Tables, event: events.WorkAssigned) -> list[Command]:
    job, worker = tables.jobs.get(event.job_id), tables.jobs.get(event.worker_id)
    work = _work(worker, event.job_id)
    if job is None or job.array is None or job.cancel_requested or worker is None or work is None:
        return []
    ranges = common(event.ranges, job.array.waiting)
    if not ranges:
        return []
    progress = give_out(job.array, ranges)
    tables.put_job(replace(job, array=progress))
    tables.put_job(with_work(worker, replace(work, ranges=union(work.ranges, ranges))))
    last = [] if progress.left else [Replan()]
    return [*(SyncNode(name) for name in nodes_of(tables, worker.id)), *last]


def tasks_cancelled(tables: Tables, event: events.TasksCancelled) -> list[Command]:
    """What a worker has is not its any more, and what of that runs is ended there, within its grace."""
    job = tables.jobs.get(event.job_id)
    if job is None or job.array is None or job.cancel_requested:
        return []
    before, told = job.array.cancelled, list[Command]()
    job = without_tasks(job, event.ranges)
    assert job.array is not None
    for worker_id in job.array.workers:
        worker = tables.jobs.get(worker_id)
        work = _work(worker, job.id)
        gone = common(work.ranges, event.ranges) if work else ()
        if worker and work and gone:
            tables.put_job(with_work(worker, replace(work, ranges=without(work.ranges, gone))))
            job = _fewer_out(job, count(gone))
            told += [SyncNode(name) for name in nodes_of(tables, worker_id)]
    hungry_workers(tables, job)
    job = _with_late(job, before) if event.late else job
    return [*told, *settle(tables, job, event.time), JobChanged(job.id), Replan()]


def _with_late(job: Job, before: int) -> Job:
    assert job.array is not None
    return replace(job, array=replace(job.array, late=job.array.late + job.array.cancelled - before))


def _fewer_out(job: Job, gone: int) -> Job:
    assert job.array is not None
    return replace(job, array=replace(job.array, out=job.array.out - gone, cancelled=job.array.cancelled + gone))


def work_reported(tables: Tables, event: events.WorkReported) -> list[Command]:
    worker = tables.jobs.get(event.worker_id)
    work = _work(worker, event.status.job_id)
    if worker is None or work is None or event.node not in nodes_of(tables, worker.id):
        return []
    status = news(tables.jobs[work.job_id], work, event.status)
    return task_news(tables, worker, work, status, event.time) if status else []


def worker_dismissed(tables: Tables, event: events.WorkerDismissed) -> list[Command]:
    worker = tables.jobs.get(event.worker_id)
    if worker is None or not worker.is_worker or worker.dismissed:
        return []
    tables.put_job(replace(worker, dismissed=True))
    return [SyncNode(name) for name in nodes_of(tables, worker.id)]


def _work(worker: Job | None, job_id: int) -> Assigned | None:
    return next((work for work in worker.assigned if work.job_id == job_id), None) if worker else None
