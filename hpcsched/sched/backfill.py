"""EASY backfilling (Mu'alem & Feitelson 2001), on nodes that are not all alike."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hpcsched.model.job import Job, Reason
from hpcsched.model.snapshot import Plan, Start, Wait, changed_start
from hpcsched.sched import bits
from hpcsched.sched.ask import Ask, Shape
from hpcsched.sched.horizon import Shadow, shadow
from hpcsched.sched.ledger import UNAVAILABLE, Ledger
from hpcsched.sched.waiting import Waiting, by_falling

Rows = Iterable[tuple[Job, Ask]]
IN_A_MOMENT = Wait(Reason.RESOURCES, "its nodes are being given back at this moment")
BESIDE_IN_A_MOMENT = Wait(Reason.RESOURCES, "a container for it and other small jobs of its owner is being started")
_NEVER = sys.float_info.max
_STRETCH = 4096
_FEW = 64
"""It is quicker to look at so few one by one."""


class Turn:
    """One pass over the waiting jobs, in order.

    They start up to the first that waits for nodes, the head, whose start is reserved at the earliest time that the limits of
    running jobs allow. The others may start as long as they do not delay it: they end by then, or take nodes that it can
    spare. Where all nodes fit all jobs, this is decided by their number alone.
    """

    def __init__(self, ledger: Ledger, jobs: Waiting) -> None:
        self.ledger, self.jobs = ledger, jobs
        self.starts: list[Start] = []
        self.waits: dict[int, Wait] = {}
        self.head: Job | None = None
        self.behind = len(jobs)
        """Place of the first job behind the head."""
        self.reserved = Shadow(0.0, 0, 0)
        """For the head."""

    def in_order(self) -> None:
        """Start all before the head."""
        serial = self.ledger.serial
        for place, job in enumerate(self.jobs):
            ask = self.ledger.ask(job)
            if ask.serial == serial and ask.wait:
                self.waits[job.id] = ask.wait
            elif self._blocks(job):
                self._wait_first(job, place)
                return

    def _wait_first(self, job: Job, place: int) -> None:
        self.head, self.behind = job, place + 1
        if not self.has_start(job):
            self.waits[job.id] = needs(self.ledger, job)
        ahead = set(self.jobs[: place + 1].column("id").tolist()) if self.ledger.running_workers else set()
        self.reserved = shadow(self.ledger, self.ledger.ask(job), ahead)

    def start_on(self, job: Job, ask: Ask, chosen: int) -> bool:
        """In a slot, or on these nodes now or as soon as they are free; False: no, and why is said."""
        if self.in_slot(job, ask) or self._start(job, ask, chosen):
            return True
        self.waits[job.id] = needs(self.ledger, job)
        return False

    def _blocks(self, job: Job) -> bool:
        ledger, ask = self.ledger, self.ledger.ask(job)
        if self.in_slot(job, ask):
            return False
        wait = ledger.why_not(job)
        if wait is None and self._start(job, ask, self._soon(job, ask)):
            return job.array is not None and self._blocks(job)
        if wait is None and ledger.could_run(job):
            return True
        if not self.has_start(job):
            self.waits[job.id] = wait or UNAVAILABLE
        return False

    def has_start(self, job: Job) -> bool:
        """An array of which a part starts."""
        return bool(self.starts) and self.starts[-1].job_id == job.id

    def in_slot(self, job: Job, ask: Ask, but: int = 0) -> bool:
        """A small job starts in a worker of its owner, or will in one that this plan starts; on none of the nodes of the mask."""
        if not ask.slots or job.array is not None or self.ledger.why_no_slot(job) is not None:
            return False
        start = self.ledger.slot(job, but)
        if start is not None:
            self._take(start)
        elif self.ledger.berths.is_coming(job):
            self.waits[job.id] = BESIDE_IN_A_MOMENT
        else:
            return False
        return True

    def _soon(self, job: Job, ask: Ask) -> int:
        """Free nodes for it, or where these are too few, such that are free in a moment, too; 0: too few of both."""
        ledger = self.ledger
        free = ledger.free | ledger.kept(job)
        for nodes in (free, free | ledger.due) if ledger.due else (free,):
            open_ = ledger.open(ask, nodes)
            if open_.bit_count() >= ask.nodes:
                return ledger.pick(job, open_, ledger.most(job, ask))
        return 0

    def _start(self, job: Job, ask: Ask, chosen: int) -> bool:
        """Now, or as soon as the last of these nodes is free; False: none were chosen."""
        ledger = self.ledger
        if chosen & ledger.due:
            self.waits[job.id] = IN_A_MOMENT
            ledger.hold(job, bits.lowest(chosen, 1) if ask.slots else chosen)
        elif ask.slots:
            return self._start_workers(job, chosen)
        elif chosen:
            self._take(ledger.start(job, chosen))
        return bool(chosen)

    def _start_workers(self, job: Job, chosen: int) -> bool:
        """As many as it may have; one for a small job."""
        before = len(self.starts)
        for start in self.ledger.workers(job, chosen):
            self._take(start)
            if job.array is None or self.ledger.why_not(job) is not None:
                break
        return len(self.starts) > before

    def _take(self, start: Start) -> None:
        self.ledger.spend(start)
        if self.head is not None:
            start = changed_start(start, why=f"{start.why or 'a slot'}; put before job {self.head.id}, which it does not delay")
        self.starts.append(start)

    def rows(self) -> Rows:
        """The jobs behind the head."""
        if len(self.jobs) - self.behind <= _FEW:
            behind = self.jobs[self.behind :]
            return self.ledger.pairs(behind.picked(behind.column("nodes") <= self._most()))
        return self._small_enough(np.arange(self.behind, len(self.jobs)))

    def shortest_first(self) -> Rows:
        """The jobs behind the head by their time limits, those without one last."""
        behind = self.jobs[self.behind :]
        there = np.flatnonzero(behind.column("nodes") <= self._most())
        places = self.behind + there[by_falling(-behind.column("limit")[there], there)]
        return self.ledger.pairs(self.jobs.picked(places)) if len(places) <= _FEW else self._small_enough(places)

    def _small_enough(self, places: NDArray[np.intp]) -> Rows:
        """The jobs at those places, without such as ask for more nodes than they may have by then; these only become fewer."""
        for first in range(0, len(places), _STRETCH):
            part = self.jobs.picked(places[first : first + _STRETCH])
            part = part.picked(np.flatnonzero(part.column("nodes") <= self._most()))
            yield from self.ledger.pairs(part if len(part) <= _FEW or self.ledger.shares else part.picked(self._fitting(part)))

    def _most(self) -> int:
        """No job that asks for more nodes can start."""
        return max(1, (self.ledger.free | self.ledger.due).bit_count())

    def _fitting(self, jobs: Waiting) -> NDArray[np.intp]:
        """Places of arrays, of jobs for which there is room, and of the first of a shape whose room is not measured yet."""
        late, wanted = (jobs.column("limit") > self._slack()).astype(np.intp), jobs.column("array") > 0
        shapes = self.ledger.shapes(jobs)
        rooms = np.zeros((len(shapes), 2))
        for place, number in jobs.firsts("shape"):
            shape = shapes[number]
            known = shape.serial == self.ledger.serial
            wanted[place] |= not known
            rooms[number] = (shape.room, shape.late_room) if known else self._room(shape)
        return np.flatnonzero(wanted | (jobs.column("nodes") <= rooms[jobs.column("shape"), late]))

    def fill(self, rows: Rows) -> None:
        """Start what does not delay the head, in that order.

        Where the head waits for workers whose tasks began nobody knows when, its time moves on with every plan: new workers
        that would end by then, turn by turn on each node, would keep it waiting.
        """
        assert self.head is not None
        ledger, reserved = self.ledger, self.reserved
        slack, serial, moves = self._slack(), ledger.serial, bool(reserved.dismissed)
        for job, ask in rows:
            shape = ask.shape
            if shape.serial != serial:
                self._measure(shape)
            late = ask.limit > slack or (moves and ask.slots)
            if ask.nodes <= (shape.late_room if late else shape.room):
                self._try(job, ask, reserved, late)
            elif ask.slots and ask.full != serial:
                self._try_slot(job, ask, reserved, late)
            if not ledger.free and not ledger.shares:
                return

    def _measure(self, shape: Shape) -> None:
        shape.serial = self.ledger.serial
        shape.room, shape.late_room = self._room(shape)

    def _room(self, shape: Shape) -> tuple[int, int]:
        """At least as many nodes as jobs that end before the head's start may have now, and as others may."""
        reserved = self.reserved
        there = self.ledger.able(shape) & (self.ledger.free | self.ledger.due)
        late_room = (there & ~reserved.mask).bit_count() + min((there & reserved.mask).bit_count(), reserved.extra)
        return there.bit_count(), late_room

    def _slack(self) -> float:
        """Seconds until the head's start."""
        return min(self.reserved.time - self.ledger.now, _NEVER)

    def _try(self, job: Job, ask: Ask, reserved: Shadow, late: bool) -> None:
        if self._try_slot(job, ask, reserved, late) or job.id in self.waits:
            return
        ledger, held = self.ledger, self.ledger.held
        chosen = self._chosen(job, ask, ledger.open(ask), late)
        if not chosen and ledger.due:
            chosen = self._chosen(job, ask, ledger.open(ask, ledger.free | ledger.due), late)
        if self._start(job, ask, chosen) and late:
            reserved.extra -= (ledger.held & ~held & reserved.mask).bit_count()
        self._measure(ask.shape)

    def _try_slot(self, job: Job, ask: Ask, reserved: Shadow, late: bool) -> bool:
        """It starts without a node of its own; what ends too late does so on none of the head's nodes."""
        serial = self.ledger.serial
        wait = ask.wait if ask.serial == serial else None
        if wait is None and self.in_slot(job, ask, reserved.mask if late else 0):
            return True
        wait = wait or self.ledger.why_not(job)
        if wait is not None:
            self.waits[job.id] = wait
        ask.full = serial
        return False

    def _chosen(self, job: Job, ask: Ask, there: int, late: bool) -> int:
        """Nodes of these for it, those of the head's first when it ends in time, else those last; 0: too few."""
        reserved, most = self.reserved, self.ledger.most(job, ask)
        inside, outside = there & reserved.mask, there & ~reserved.mask
        if late:
            first = self.ledger.pick(job, outside, most)
            chosen = first | bits.lowest(inside, min(most - first.bit_count(), reserved.extra))
        else:
            first = self.ledger.pick(job, inside, most)
            chosen = first | bits.lowest(outside, most - first.bit_count())
        return chosen if chosen.bit_count() >= ask.nodes else 0

    def answers(self) -> dict[int, Wait]:
        """Of an array of which a part starts, the start is the answer."""
        for start in self.starts:
            self.waits.pop(start.job_id, None)
        return self.waits

    def plan(self) -> Plan:
        """Who gives nodes up is not in it: see `with_preemptions`."""
        head = self.head
        others = Wait(Reason.PRIORITY, f"job {head.id} is ahead and waits for nodes") if head else None
        return Plan(tuple(self.starts), self.answers(), others, (), self.reserved.dismissed)


def needs(ledger: Ledger, job: Job) -> Wait:
    """Of the first job that waits for nodes."""
    what = "a free node that fits" if job.spec.nodes == 1 else f"{job.spec.nodes} free nodes that fit"
    free, serving = ledger.free.bit_count(), ledger.serving.bit_count()
    return Wait(Reason.RESOURCES, f"first in line; waits for {what}: {free} of {serving} nodes in service are free")


def no_nodes(ledger: Ledger) -> Wait:
    """When no node is in service."""
    count = len(ledger.fleet.names)
    if not count:
        return Wait(Reason.REQ_NODE_NOT_AVAIL, "no node has ever connected to this controller: start an agent")
    return Wait(Reason.REQ_NODE_NOT_AVAIL, f"all {count} nodes are drained, down or not connected: see `hpcsched nodes`")
