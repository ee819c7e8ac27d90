"""A plan's preemptions to events, and who goes on afterwards. `now` is in Unix seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hpcsched.model.job import Job
from hpcsched.model.snapshot import Plan
from hpcsched.sched.giving import HOLD_S
from hpcsched.sched.reserved import horizon, window
from hpcsched.state.events import JobPreempted, JobResumed
from hpcsched.state.preemption import can_give, may_go_on
from hpcsched.state.reservations import ends_by
from hpcsched.state.tables import Tables


def preempted(tables: Tables, plan: Plan, now: float) -> list[JobPreempted]:
    """Those of a verified plan that still hold: the one gives up nodes, the other waits for them."""
    return [
        JobPreempted(now, item.job_id, item.by, item.mode, item.grace_s)
        for item in plan.preempts
        if _waits(tables, item.by) and item.job_id in tables.jobs and can_give(tables.jobs[item.job_id], item.mode)
    ]


def going_on(tables: Tables, now: float) -> list[JobResumed]:
    """Frozen jobs whose nodes are free again, or were not taken, as long as no reservation begins before they would end."""
    return [JobResumed(now, job.id) for job in _frozen(tables) if _may(tables, job, now)]


def next_time(tables: Tables, now: float) -> float:
    """When a frozen job goes on if nothing else happens; infinity: none does."""
    edges = [_gives_up_at(job) for job in _frozen(tables)]
    return min((edge for edge in edges if edge > now), default=math.inf)


def may_take(tables: Tables, worker: Job, job: Job, now: float) -> bool:
    """No reservation keeps the worker's node from tasks of that job that start now."""
    names = worker.allocation.nodes if worker.allocation else ()
    until = horizon(job.spec, now)
    return not any(_shut(tables, name, job.spec.reservation, now, until, math.inf) for name in names)


def _frozen(tables: Tables) -> Iterator[Job]:
    for job_id in sorted(tables.giving):
        job = tables.jobs.get(job_id)
        if job is not None and may_go_on(tables, job):
            yield job


def _may(tables: Tables, job: Job, now: float) -> bool:
    if job.preempted_by is not None and _waits(tables, job.preempted_by) and now < _gives_up_at(job):
        return False
    until, names = ends_by(job, now), job.allocation.nodes if job.allocation else ()
    return not any(_shut(tables, name, job.spec.reservation, now, until, job.granted_time) for name in names)


def _gives_up_at(job: Job) -> float:
    return job.suspend_time + job.preempt_grace_s + HOLD_S


def _waits(tables: Tables, job_id: int) -> bool:
    job = tables.jobs.get(job_id)
    return job is not None and not job.cancel_requested and tables.may_start(job)


def _shut(tables: Tables, node: str, own: str, now: float, until: float, since: float) -> bool:
    """A reservation that was made before `since` has that node from now to then."""
    for item in tables.reservations.values():
        if item.name != own and item.made <= since and node in item.nodes:
            found = window(item, now)
            if found is not None and found.start < until:
                return True
    return False
