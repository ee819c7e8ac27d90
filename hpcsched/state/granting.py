"""A verified plan's starts to events: those that still hold."""

from __future__ import annotations

from hpcsched.model.snapshot import Plan, Start
from hpcsched.sched.packing import takes
from hpcsched.state.events import AllocationGranted, Event, SlotGranted, WorkerDismissed, WorkerGranted
from hpcsched.state.job_handlers import free_nodes
from hpcsched.state.state import State


def granted(state: State, plan: Plan, now: float) -> list[Event]:
    """Grants in the plan's order, to jobs that may start still, on nodes that are free still; then the workers let go."""
    events: list[Event] = []
    worker_id = state.next_job_id
    for start in plan.starts:
        event = _granted(state, start, worker_id, now)
        if event is not None:
            events.append(event)
            worker_id += isinstance(event, WorkerGranted)
    return [*events, *_dismissed(state, plan, now)]


def _granted(state: State, start: Start, worker_id: int, now: float) -> Event | None:
    job = state.jobs.get(start.job_id)
    if job is None or not state.may_start(job):
        return None
    if start.worker is not None:
        worker = state.jobs.get(start.worker)
        fits = worker is not None and takes(worker, job)
        return SlotGranted(now, start.job_id, start.worker, start.allocation) if fits else None
    if not free_nodes(state, start.allocation.nodes):
        return None
    if start.slots:
        return WorkerGranted(now, worker_id, start.job_id, start.allocation, start.slots)
    return AllocationGranted(now, start.job_id, start.allocation, start.why) if job.array is None else None


def _dismissed(state: State, plan: Plan, now: float) -> list[WorkerDismissed]:
    workers = [state.jobs.get(worker_id) for worker_id in sorted(plan.dismissed)]
    return [WorkerDismissed(now, worker.id) for worker in workers if worker and worker.is_worker and not worker.dismissed]
