"""Workers in a replay: containers that run an array's tasks side by side, in waves, or the small jobs of one owner."""

from __future__ import annotations

from dataclasses import replace

from hpcsched.model.allocation import Allocation, Binding, NodeBinding
from hpcsched.model.array import Assigned, parse_array
from hpcsched.model.job import Job, JobState
from hpcsched.model.ranges import count, first_of, without
from hpcsched.model.snapshot import Start
from hpcsched.sched.packing import worker_spec


def for_array(worker_id: int, array: Job, start: Start, now: float) -> tuple[Job, Job]:
    """The array without the first wave of tasks, and the new worker that runs them."""
    worker = replace(_worker(worker_id, array, start.allocation), granted_time=now)
    return _wave(worker, array, Assigned(array.id, (), start.slots), now)


def for_small_job(worker_id: int, job: Job, start: Start) -> Job:
    """A new worker with that job in its one slot."""
    return with_small_job(_worker(worker_id, job, start.allocation), job.id, start.slots[0])


def with_small_job(worker: Job, job_id: int, slot: Binding) -> Job:
    return replace(worker, assigned=(*worker.assigned, Assigned(job_id, ((0, 1),), (slot,))))


def without_job(worker: Job, job_id: int) -> Job:
    """The worker after that job, an array or a small one, has nothing in it any more."""
    return replace(worker, assigned=tuple(item for item in worker.assigned if item.job_id != job_id))


def first_slot(start: Start) -> Allocation:
    return Allocation((NodeBinding(start.allocation.nodes[0], start.slots[0]),))


def next_wave(worker: Job, array: Job, now: float) -> tuple[Job, Job]:
    """The array and the worker after its tasks have ended and it has taken one for each of its slots, if there are any."""
    known = next(item for item in worker.assigned if item.job_id == array.id)
    progress = array.array
    assert progress is not None
    back = replace(progress, out=max(0, progress.out - count(known.ranges)))
    array = replace(array, array=back)
    if worker.dismissed or not back.left:
        return array, without_job(worker, array.id)
    return _wave(worker, array, replace(known, ranges=()), now)


def _worker(worker_id: int, of: Job, whole: Allocation) -> Job:
    spec = replace(worker_spec(of.spec), time_limit_s=of.spec.time_limit_s)
    plain = replace(of, array=None, worker=None, is_worker=True, assigned=())
    return replace(plain, id=worker_id, spec=spec, state=JobState.RUNNING, allocation=whole)


def _wave(worker: Job, array: Job, known: Assigned, now: float) -> tuple[Job, Job]:
    progress = array.array
    assert progress is not None
    throttle = parse_array(array.spec.array).throttle
    room = max(0, min(len(known.slots), throttle - progress.out if throttle else len(known.slots)))
    again = first_of(progress.again, room)
    fresh = min(room - count(again), progress.size - progress.next)
    ranges = (*again, *(((progress.next, progress.next + fresh),) if fresh else ()))
    progress = replace(
        progress,
        next=progress.next + fresh,
        again=without(progress.again, again),
        out=progress.out + count(ranges),
        workers=tuple(dict.fromkeys((*progress.workers, worker.id))),
    )
    others = without_job(worker, array.id).assigned
    worker = replace(worker, assigned=(*others, *((replace(known, ranges=ranges),) if ranges else ())), start_time=now)
    return replace(array, array=progress), worker
