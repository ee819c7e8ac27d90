"""EASY backfilling (Mu'alem & Feitelson 2001), on nodes that are not all alike."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hpcsched.model.job import Job, Reason
from hpcsched.model.snapshot import Plan, Start, Wait
from hpcsched.sched import bits
from hpcsched.sched.ask import Ask, Shape
from hpcsched.sched.horizon import Shadow, shadow
from hpcsched.sched.ledger import UNAVAILABLE, Ledger

Rows = Sequence[tuple[Job, Ask]]
IN_A_MOMENT = Wait(Reason.RESOURCES, "its nodes are being given back at this moment")
_NEVER = sys.float_info.max


class Turn:
    """One pass over the waiting jobs, in order.

    They start up to the first that waits for nodes, the head, whose start is reserved at the earliest time that the limits of
    running jobs allow. The others may start as long as they do not delay it: they end by then, or take nodes that it can
    spare. Where all nodes fit all jobs, this is decided by their number alone.
    """

    def __init__(self, ledger: Ledger, jobs: Sequence[Job]) -> None:
        self.ledger, self.jobs = ledger, jobs
        self.starts: list[Start] = []
        self.waits: dict[int, Wait] = {}
        self.head: Job | None = None
        self.behind = len(jobs)
        """Place of the first job behind the head."""

    def in_order(self) -> None:
        """Start all before the head."""
        serial = self.ledger.serial
        for place, job in enumerate(self.jobs):
            ask = self.ledger.ask(job)
            if ask.serial == serial and ask.wait:
                self.waits[job.id] = ask.wait
            elif self._blocks(job):
                self.head, self.behind = job, place + 1
                self.waits[job.id] = needs(self.ledger, job)
                return

    def _blocks(self, job: Job) -> bool:
        wait = self.ledger.why_not(job)
        if wait is None and self._start(job, self._soon(job, self.ledger.ask(job))):
            return False
        if wait is None and self.ledger.could_run(job):
            return True
        self.waits[job.id] = wait or UNAVAILABLE
        return False

    def _soon(self, job: Job, ask: Ask) -> int:
        """Free nodes for it, or where these are too few, such that are free in a moment, too; 0: too few of both."""
        ledger = self.ledger
        free = ledger.free | ledger.giving.kept.get(job.id, 0)
        for nodes in (free, free | ledger.due) if ledger.due else (free,):
            open_ = ledger.open(ask, nodes)
            if open_.bit_count() >= ask.nodes:
                return bits.lowest(open_, ask.most)
        return 0

    def _start(self, job: Job, chosen: int) -> bool:
        """Now, or as soon as the last of these nodes is free; False: none were chosen."""
        ledger = self.ledger
        if chosen & ledger.due:
            self.waits[job.id] = IN_A_MOMENT
            ledger.hold(job, chosen)
        elif chosen:
            start = ledger.start(job, chosen)
            ledger.spend(start)
            self.starts.append(start)
        return bool(chosen)

    def rows(self) -> Rows:
        """The jobs behind the head."""
        jobs = self.jobs[self.behind :]
        return list(zip(jobs, self.ledger.asks(jobs), strict=True))

    def fill(self, rows: Rows) -> None:
        """Start what does not delay the head, in that order."""
        assert self.head is not None
        reserved = shadow(self.ledger, self.ledger.ask(self.head))
        slack, serial = min(reserved.time - self.ledger.now, _NEVER), self.ledger.serial
        for job, ask in rows:
            shape = ask.shape
            if shape.serial != serial:
                self._measure(shape, reserved)
            if ask.nodes <= (shape.room if ask.limit <= slack else shape.late_room):
                self._try(job, ask, reserved, ask.limit > slack)
                if not self.ledger.free:
                    return

    def _measure(self, shape: Shape, reserved: Shadow) -> None:
        shape.serial = self.ledger.serial
        there = self.ledger.able(shape) & (self.ledger.free | self.ledger.due)
        shape.room = there.bit_count()
        shape.late_room = (there & ~reserved.mask).bit_count() + min((there & reserved.mask).bit_count(), reserved.extra)

    def _try(self, job: Job, ask: Ask, reserved: Shadow, late: bool) -> None:
        wait = self.ledger.why_not(job)
        if wait is not None:
            self.waits[job.id] = wait
            return
        ledger = self.ledger
        chosen = self._chosen(ask, ledger.open(ask), reserved, late)
        if not chosen and ledger.due:
            chosen = self._chosen(ask, ledger.open(ask, ledger.free | ledger.due), reserved, late)
        if self._start(job, chosen) and late:
            reserved.extra -= (chosen & reserved.mask).bit_count()
        self._measure(ask.shape, reserved)

    def _chosen(self, ask: Ask, there: int, reserved: Shadow, late: bool) -> int:
        """Nodes of these for it, those of the head's first when it ends in time, else those last; 0: too few."""
        inside, outside = there & reserved.mask, there & ~reserved.mask
        if late:
            first = bits.lowest(outside, ask.most)
            chosen = first | bits.lowest(inside, min(ask.most - first.bit_count(), reserved.extra))
        else:
            first = bits.lowest(inside, ask.most)
            chosen = first | bits.lowest(outside, ask.most - first.bit_count())
        return chosen if chosen.bit_count() >= ask.nodes else 0

    def plan(self) -> Plan:
        head = self.head
        others = Wait(Reason.PRIORITY, f"job {head.id} is ahead and waits for nodes") if head else None
        return Plan(tuple(self.starts), self.waits, others)


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
