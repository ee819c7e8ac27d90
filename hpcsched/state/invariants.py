"""What must be true after every event."""

from __future__ import annotations

from collections.abc import Iterator

from hpcsched.model.job import Job, JobState
from hpcsched.model.node import Node
from hpcsched.state.parts import all_run, unfinished
from hpcsched.state.preempt_invariants import preemption_broken
from hpcsched.state.reservation_invariants import reservations_broken
from hpcsched.state.tables import Tables
from hpcsched.state.waiting_invariants import waiting_broken
from hpcsched.state.worker_invariants import workers_broken


def broken(tables: Tables) -> list[str]:
    """A sentence for each invariant that does not hold."""
    jobs = [line for key, job in tables.jobs.items() for line in _job(tables, key, job)]
    nodes = [line for name, node in tables.nodes.items() for line in _node(tables, name, node)]
    return [*jobs, *nodes, *_places(tables), *_counts(tables), *reservations_broken(tables), *preemption_broken(tables)]


def _job(tables: Tables, key: int, job: Job) -> Iterator[str]:
    if job.id != key or not 0 < key < tables.next_job_id:
        yield f"job {job.id} is kept under id {key}, the next id is {tables.next_job_id}"
    if job.state.ended:
        yield f"job {key} is {job.state} and still in memory"
    if job.array is None and (job.state is JobState.PENDING) != (job.allocation is None):
        yield f"job {key} is {job.state} with allocation {job.allocation}"
    yield from _parts(tables, job)


def _parts(tables: Tables, job: Job) -> Iterator[str]:
    names = job.allocation.nodes if job.allocation else ()
    if len(job.parts) != len(names) or len(set(names)) != len(names):
        yield f"job {job.id} has {len(job.parts)} parts on nodes {names}"
    elif job.allocation and not unfinished(job):
        yield f"job {job.id} has no part left and is still in memory"
    else:
        yield from (f"node {name} does not know its job {job.id}" for name in unfinished(job) if not _owns(tables, name, job))
    if (job.state is JobState.COMPLETING) != (job.cause is not None):
        yield f"job {job.id} is {job.state} with cause {job.cause}"
    if job.state is JobState.CONFIGURING and all_run(job):
        yield f"job {job.id} runs everywhere and is still CONFIGURING"


def _owns(tables: Tables, name: str, job: Job) -> bool:
    """A small job runs in the container of its worker."""
    node = tables.nodes.get(name)
    return node is not None and (job.worker or job.id) in (node.job_id, *node.suspended)


def _node(tables: Tables, name: str, node: Node) -> Iterator[str]:
    if node.name != name:
        yield f"node {node.name} is kept under name {name}"
    job = tables.jobs.get(node.job_id) if node.job_id is not None else None
    if node.job_id is not None and (job is None or job.state is JobState.PENDING or name not in unfinished(job)):
        yield f"node {name} is given to job {node.job_id}, which has no unfinished part there"
    if node.job_id in node.cleaning or len(set(node.cleaning)) != len(node.cleaning):
        yield f"node {name} cleans up {node.cleaning} and runs {node.job_id}"
    if node.down and node.connected:
        yield f"node {name} is down and connected"


def _places(tables: Tables) -> Iterator[str]:
    """Each live job is in exactly one place; an array that runs may wait as well."""
    queued = {job.id: job for job in tables.queue.all()}
    for job in tables.jobs.values():
        if (job.id in queued) is not tables.may_start(job):
            yield f"job {job.id}, {job.state} for {job.reason}, is {'' if job.id in queued else 'not '}in the queue"
        if (job.id in tables.active) is not (job.allocation is not None):
            yield f"job {job.id} has allocation {job.allocation} and is {'' if job.id in tables.active else 'not '}active"
    if any(tables.jobs.get(number) is not job for number, job in (*queued.items(), *tables.active.items())):
        yield "a queued or active job is not the one that is kept"
    if list(tables.jobs) != sorted(tables.jobs):
        yield "jobs are not in the order of arrival"


def _counts(tables: Tables) -> Iterator[str]:
    if len(tables.queue) != len(tables.queue.all()):
        yield f"the queue counts {len(tables.queue)} jobs and shows {len(tables.queue.all())}"
    by_request: dict[str, list[int]] = {}
    for job in tables.jobs.values():
        by_request.setdefault(job.request_id, []).append(job.id)
    for request_id, ids in by_request.items():
        if list(tables.request(request_id)) != ids:
            yield f"request {request_id!r} made {ids} and shows {tables.request(request_id)}"
    if tables.request_count != len(by_request):
        yield f"{tables.request_count} requests are kept, {len(by_request)} have live jobs"
    yield from waiting_broken(tables)
    yield from workers_broken(tables)
