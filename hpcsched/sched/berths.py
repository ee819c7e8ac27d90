"""Where tasks of arrays and small jobs run: in slots of worker containers, running ones and those that this plan starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hpcsched.model.allocation import Binding
from hpcsched.model.array import Assigned
from hpcsched.model.job import Job
from hpcsched.model.node import NodeOffer
from hpcsched.model.snapshot import Snapshot, Start
from hpcsched.sched.fleet import Fleet
from hpcsched.sched.packing import array_start, owner, slot_start, to_give
from hpcsched.sched.parts import beside

_Owner = tuple[object, ...]


class Berths:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._workers: dict[_Owner, dict[int, Job]] | None = None
        self._new: dict[_Owner, list[tuple[NodeOffer, list[Binding]]]] = {}
        self._given: dict[int, int] = {}

    def slot(self, job: Job, fleet: Fleet, allowed: int) -> Start | None:
        """For a small job, in a running worker of its owner on one of these nodes."""
        if self._workers is None:
            self._workers = _by_owner(self._snapshot)
        mine = self._workers.get(owner(job.spec), {}).values()
        there = [worker for worker in mine if fleet.mask_of(worker) & allowed]
        return slot_start(job, there, {name: fleet.offer(name) for worker in there for name in _nodes(worker)})

    def is_coming(self, job: Job) -> bool:
        """A worker that this plan starts has room for it, which it gets when that is there."""
        for offer, slots in self._new.get(owner(job.spec), ()):
            slot = beside(offer, slots, job.spec.resources)
            if slot is not None:
                slots.append(slot)
                return True
        return False

    def left(self, job: Job) -> int:
        """Tasks that no worker has, or 1 for a small job."""
        return to_give(job) - self._given.get(job.id, 0) if job.array is not None else 1

    def workers(self, job: Job, offers: Iterator[NodeOffer]) -> Iterator[Start]:
        """New workers on these nodes, as long as there are tasks for them."""
        for offer in offers:
            start = array_start(job, offer, self.left(job))
            if start is not None:
                yield start

    def note(self, job: Job, start: Start, offer: NodeOffer) -> None:
        """That start is part of the plan."""
        if job.array is not None:
            self._given[job.id] = self._given.get(job.id, 0) + len(start.slots)
        elif start.worker is None:
            self._new.setdefault(owner(job.spec), []).append((offer, list(start.slots)))
        elif self._workers is not None:
            mine = self._workers[owner(job.spec)]
            slot = Assigned(job.id, ((0, 1),), (start.allocation.bindings[0].binding,))
            mine[start.worker] = replace(mine[start.worker], assigned=(*mine[start.worker].assigned, slot))


def _by_owner(snapshot: Snapshot) -> dict[_Owner, dict[int, Job]]:
    found: dict[_Owner, dict[int, Job]] = {}
    for job in snapshot.running:
        if job.is_worker and not job.dismissed:
            found.setdefault(owner(job.spec), {})[job.id] = job
    return found


def _nodes(worker: Job) -> tuple[str, ...]:
    return worker.allocation.nodes if worker.allocation else ()
