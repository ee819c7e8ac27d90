"""Which tasks a worker gets next; a worker that there is nothing for is let go.

A worker has a task for each of its slots, and ahead of that as many as it lately ended in `AHEAD_S` seconds, so that one with
short tasks is never idle and one with long tasks keeps none from others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hpcsched.model.array import ArrayProgress, Assigned, parse_array
from hpcsched.model.job import Job
from hpcsched.model.ranges import Ranges, count, first_of, union, without
from hpcsched.state.events import WorkAssigned, WorkerDismissed
from hpcsched.state.preempting import may_take
from hpcsched.state.tables import Tables

AHEAD_S = 2.0
"""Two reports of one second each: a worker that has run dry gets twice as many the next time."""
MAX_AHEAD = 1024
"""Tasks for each slot."""


def feed(tables: Tables, now: float) -> list[WorkAssigned | WorkerDismissed]:
    """What the workers get that something has happened to since the last call, which it forgets."""
    hungry, given = sorted(tables.hungry), dict[int, ArrayProgress]()
    tables.hungry.clear()
    return [event for worker_id in hungry for event in _worker(tables, tables.jobs.get(worker_id), given, now)]


def _worker(
    tables: Tables, worker: Job | None, given: dict[int, ArrayProgress], now: float
) -> Iterator[WorkAssigned | WorkerDismissed]:
    if worker is None or worker.dismissed or worker.cancel_requested:
        return
    busy = False
    for work in worker.assigned:
        ranges = _more(tables, worker, work, given, now)
        busy = busy or bool(work.ranges or ranges)
        if ranges:
            yield WorkAssigned(now, worker.id, work.job_id, ranges)
    if not busy:
        yield WorkerDismissed(now, worker.id)


def _more(tables: Tables, worker: Job, work: Assigned, given: dict[int, ArrayProgress], now: float) -> Ranges:
    """Of the array, after what others were given in this call; none that could run into a reservation of others."""
    job = tables.jobs.get(work.job_id)
    if job is None or job.array is None or job.held or job.cancel_requested or not may_take(tables, worker, job, now):
        return ()
    progress = given.get(job.id, job.array)
    room = _room(progress, parse_array(job.spec.array).throttle, work)
    ranges = first_of(progress.waiting, room) if room > 0 else ()
    if ranges:
        given[job.id] = give_out(progress, ranges)
    return ranges


def _room(progress: ArrayProgress, throttle: int, work: Assigned) -> int:
    """How many more the worker may have; nobody gets more ahead than the share of one of the array's workers, and none where the
    throttle binds: tasks that only wait with one worker would keep others idle.
    """
    slots, have = len(work.slots), count(work.ranges)
    if throttle and throttle < progress.left + progress.out:
        return min(slots - have, throttle - progress.out)
    ahead = min(int(work.rate * AHEAD_S), MAX_AHEAD * slots, progress.left // max(1, len(progress.workers)))
    if have >= slots + ahead // 2:
        return 0
    room = slots + ahead - have
    return min(room, throttle - progress.out) if throttle else room


def give_out(progress: ArrayProgress, ranges: Ranges) -> ArrayProgress:
    """Those ranges, all of which wait, are a worker's now."""
    end = max(progress.next, ranges[-1][1])
    passed_over = without(((progress.next, end),), ranges) if end > progress.next else ()
    again = union(without(progress.again, ranges), passed_over)
    return replace(progress, again=again, next=end, out=progress.out + count(ranges))
