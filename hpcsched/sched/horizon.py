"""When nodes that are in use come free, as far as time limits tell."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from hpcsched.model.job import Job
from hpcsched.sched.ask import Ask
from hpcsched.sched.ledger import Ledger
from hpcsched.sched.running import end_of


@dataclass(slots=True)
class Shadow:
    """The reservation of a blocked job (Mu'alem & Feitelson 2001): at `time` it can have nodes of `mask`, `extra` more than it
    needs. Infinite: nobody knows when. `dismissed`: workers that must get no more work for that.
    """

    time: float
    mask: int
    extra: int
    dismissed: frozenset[int] = frozenset()


def shadow(ledger: Ledger, ask: Ask, ahead: AbstractSet[int]) -> Shadow:
    """The earliest time at which enough nodes that fit are free, by the limits of what runs and was started in this plan.

    Workers of arrays that are not `ahead` count as dismissed, where the job needs their nodes.
    """
    workers = worker_ends(ledger, ahead)
    coming = ends(ledger)
    if workers or ledger.closures:
        coming += [(end, mask) for end, mask, _ in workers]
        coming += [(edge, 0) for edge in ledger.closures.edges(ledger.now)]
        coming.sort()
    found = _earliest(ledger, ask, coming)
    if workers:
        found.dismissed = _dismissed(found, ask, workers)
    return found


def _earliest(ledger: Ledger, ask: Ask, coming: Sequence[tuple[float, int]]) -> Shadow:
    able = ledger.able(ask.shape) & ledger.serving
    freed, time, place = (ledger.free | ledger.due) & able, ledger.now, 0
    closes = bool(ledger.closures)
    while not closes and place < len(coming) and freed.bit_count() < ask.nodes:
        time = max(time, coming[place][0])
        freed |= coming[place][1] & able
        place += 1
    while time < math.inf:
        while place < len(coming) and coming[place][0] <= time:
            freed |= coming[place][1] & able
            place += 1
        there = freed & ~ledger.closures.closed(ask.spec, time, time + ask.limit) if closes else freed
        if there.bit_count() >= ask.nodes:
            return Shadow(time, there, there.bit_count() - ask.nodes)
        time = coming[place][0] if place < len(coming) else math.inf
    return Shadow(math.inf, able, able.bit_count() - ask.nodes)


def ends(ledger: Ledger) -> list[tuple[float, int]]:
    """(time, mask of nodes) of what runs and was started in this plan, by rising time; without workers."""
    kept, found = ~ledger.held, list(ledger.running_ends)
    if ledger.held & ledger.running_nodes:
        found = [(end, mask & kept) for end, mask in found]
    found += ledger.granted
    found.sort()
    return found


def worker_ends(ledger: Ledger, ahead: AbstractSet[int]) -> list[tuple[float, int, int]]:
    """(time, mask of its node, id) of each worker that can be done some time, if it gets no more work from now on."""
    small = {job.id: job for job in ledger.snapshot.running if job.worker is not None} if ledger.running_workers else {}
    found = list[tuple[float, int, int]]()
    for worker in ledger.running_workers:
        if worker.dismissed or ahead.isdisjoint(work.job_id for work in worker.assigned):
            found.append((_end(worker, small, ledger.now), ledger.fleet.mask_of(worker), worker.id))
    return sorted(found)


def natural_ends(ledger: Ledger) -> dict[int, float]:
    """When each worker is done, by its id, if it goes on until its arrays have no task left."""
    workers = ledger.running_workers
    if not workers:
        return {}
    small = {job.id: job for job in ledger.snapshot.running if job.worker is not None}
    slots = Counter[int]()
    for worker in workers:
        slots.update({work.job_id: len(work.slots) for work in worker.assigned})
    left = {job.id: job.array.left for job in ledger.snapshot.pending if job.array is not None}
    waves = {number: 0 if number in small else math.ceil(left.get(number, 0) / count) for number, count in slots.items()}
    return {worker.id: _end(worker, small, ledger.now) + _more(worker, waves) for worker in workers}


def _more(worker: Job, waves: Mapping[int, int]) -> float:
    """Seconds for tasks that it has not got yet, each as long as it may take."""
    most = 0 if worker.dismissed else max((waves[work.job_id] for work in worker.assigned), default=0)
    return most * (worker.spec.time_limit_s or math.inf) if most else 0.0


def _end(worker: Job, small: dict[int, Job], now: float) -> float:
    limit = worker.spec.time_limit_s
    times = [now]
    for work in worker.assigned:
        if work.job_id in small:
            times.append(end_of(small[work.job_id], now))
        elif work.ranges:
            times.append(now + limit if limit else math.inf)
    return max(times)


def _dismissed(found: Shadow, ask: Ask, workers: list[tuple[float, int, int]]) -> frozenset[int]:
    """The first to end of those that are needed, when all other nodes of the shadow are too few."""
    useful = [(mask, number) for end, mask, number in workers if end <= found.time and mask & found.mask]
    others = found.mask
    for mask, _ in useful:
        others &= ~mask
    missing = max(0, ask.nodes - others.bit_count())
    return frozenset(number for _, number in useful[:missing])
