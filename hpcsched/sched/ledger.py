"""A scratch copy of the free nodes, which a policy spends while it plans: the one place that a policy asks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import itemgetter

from hpcsched.model.allocation import Allocation, Binding, NodeBinding
from hpcsched.model.job import Job, JobSpec, Reason
from hpcsched.model.snapshot import Snapshot, Start, Wait
from hpcsched.sched import bits
from hpcsched.sched.ask import Ask, Shape
from hpcsched.sched.berths import Berths
from hpcsched.sched.closures import Closures
from hpcsched.sched.fit import Fitter
from hpcsched.sched.giving import Giving
from hpcsched.sched.kind import Kind
from hpcsched.sched.limits import LimitLedger
from hpcsched.sched.reserved import Reserved
from hpcsched.sched.running import Running
from hpcsched.sched.speeds import alike, equal, unequal
from hpcsched.sched.waiting import Waiting

UNAVAILABLE = Wait(
    Reason.REQ_NODE_NOT_AVAIL, "the nodes that could run it are drained, down or not connected: see `hpcsched nodes`"
)


_time, _time_and_mask = itemgetter(0), itemgetter(0, 1)
MAX_NAMED = 100
TOO_FEW = Wait(Reason.RESERVATION, "too few nodes of its reservation are in service and fit")
ALL_OUT = Wait(Reason.ARRAY_TASK_LIMIT, "as many tasks of it are with workers as may run at once")


class Ledger:
    """Masks of ranks: `serving`, nodes in service; `free`, those of them that nothing runs on and that were not spent yet; `due`,
    those whose jobs are being stopped because their time is up, so that they come free at any moment, and those with canaries.

    Answers hold until the next Ledger is made with the same fitter.
    """

    def __init__(self, snapshot: Snapshot, fitter: Fitter) -> None:
        fitter.serial += 1
        self.snapshot, self.serial, self.now = snapshot, fitter.serial, snapshot.now
        self.fleet, self._asks = fitter.fleet, fitter.asks
        self.ask = fitter.asks.of
        """What a job asks for."""
        self._places = fitter.see(snapshot.site, snapshot.nodes)
        self.fleet.forget_ended(snapshot.running)
        self._limits = LimitLedger(snapshot, fitter.rules)
        self.berths = Berths(snapshot)
        self.free, self.serving = self.fleet.free, self.fleet.serving
        self.closures = Closures(snapshot.reservations, self.fleet)
        self._closes = bool(self.closures)
        self._unlimited = fitter.rules.settled_nothing and not self._closes
        fitter.running.update(snapshot.running, self.fleet, self.now)
        self.giving = Giving(snapshot, self.fleet, fitter.running.gives)
        self._reserved = Reserved(snapshot.reservations, snapshot.now)
        self.held = 0
        self.granted: list[tuple[float, int]] = []
        """Of the starts that were spent: when each ends at the latest, and its nodes."""
        self.shares = any(part.shared for part in snapshot.site.partitions)
        self.running_ends, self.due = self._running(fitter.running)
        self.running_nodes, self.running_workers = fitter.running.nodes, fitter.running.workers
        self._jobs: dict[int, Job] = {}

    def _running(self, known: Running) -> tuple[list[tuple[float, int]], int]:
        """When each running job ends at the latest, and its nodes; those of jobs that are being stopped as a mask."""
        now, due, first = self.now, 0, bisect_right(known.ends, self.now, key=_time)
        later = list(map(_time_and_mask, known.ends))
        for place, (end, mask, grace) in enumerate(known.ends[:first]):
            stopping = now <= end + grace
            due |= mask if stopping else 0
            later[place] = now if stopping else now + (now - end), mask
        if self.giving.frozen:
            later = [(end, mask & ~self.giving.frozen) for end, mask in later]
        return later, (due & ~self.giving.frozen | self.giving.due | self.fleet.canaries) & self.serving & ~self.free

    def pairs(self, jobs: Waiting) -> Iterator[tuple[Job, Ask]]:
        return zip(jobs, self._asks.of_each(jobs), strict=True)

    def each(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Ask]]:
        """The same, as far as somebody looks."""
        of = self._asks.of
        return ((job, of(job)) for job in jobs)

    def shapes(self, jobs: Waiting) -> list[Shape]:
        """By the numbers of their column."""
        return self._asks.shapes(jobs.columns)

    def why_not(self, job: Job) -> Wait | None:
        """Why it may not start now, however many nodes were free."""
        ask = self.ask(job)
        if ask.serial == self.serial:
            return ask.wait
        if ask.plain and self._unlimited:
            return None
        if job.array is not None and self.berths.left(job) < 1:
            return ALL_OUT
        wait = self._limits.why_not(job) or self._closed_off(job, ask)
        if wait is not None:
            ask.serial, ask.wait = self.serial, wait
        return wait

    def why_no_slot(self, job: Job) -> Wait | None:
        """Why a small job may not start now in a worker that there is, which takes no node that no one had."""
        return self._limits.why_not(job, 0) or self._closed_off(job, self.ask(job))

    def _closed_off(self, job: Job, ask: Ask) -> Wait | None:
        """A job that reservations keep from too many nodes blocks nobody."""
        if not self._reserved and not job.spec.reservation:
            return None
        wait = self._reserved.why_not(job)
        there = self.able(ask.shape) & self.serving
        if wait is not None or there.bit_count() < ask.nodes or self.open(ask, there).bit_count() >= ask.nodes:
            return wait
        closed = bits.lowest(there & ~self.open(ask, there), MAX_NAMED)
        return self._reserved.why_not(job, [self.fleet.names[rank] for rank in bits.ranks(closed)]) or TOO_FEW

    def most(self, job: Job, ask: Ask) -> int:
        """Nodes that it may have now at most; for an array one for each task."""
        if job.array is not None:
            return self.berths.left(job)
        return max(ask.nodes, self._limits.most_nodes(job)) if ask.most > ask.nodes else ask.nodes

    def could_run(self, job: Job) -> bool:
        """Enough nodes in service could run it, if they were free."""
        ask = self.ask(job)
        return (self.able(ask.shape) & self.serving).bit_count() >= ask.nodes

    def able(self, shape: Shape) -> int:
        """Nodes that could run it, in service or not."""
        if shape.epoch != self.fleet.epoch:
            shape.epoch, shape.able = self.fleet.epoch, self._places.of(shape.spec)
        return shape.able

    def open(self, ask: Ask, nodes: int | None = None) -> int:
        """Free nodes (or those of the mask) that fit and that no reservation keeps from the job until its end."""
        mask = self.able(ask.shape) & (self.free if nodes is None else nodes)
        return mask & ~self.closures.closed(ask.spec, self.now, self.now + ask.limit) if self._closes else mask

    def kept(self, job: Job) -> int:
        """Nodes that others gave up for it frozen, and that this plan has not given away yet."""
        return self.giving.kept.get(job.id, 0) & ~self.held

    def could_have(self, job: Job) -> list[str]:
        """Names of the nodes in service, free or not, that it might have from now until its end."""
        return [self.fleet.names[rank] for rank in bits.ranks(self.open(self.ask(job), self.serving))]

    def find(self, job: Job) -> Start | None:
        """As many of the first free nodes by name as the job takes (a slot, or one node for a worker); None: too few. Spends
        nothing.
        """
        ask = self.ask(job)
        open_ = self.open(ask, self.free | self.kept(job))
        if ask.slots:
            return self.slot(job) or next(self.workers(job, open_), None)
        if open_.bit_count() < ask.nodes:
            return None
        return self.start(job, self.pick(job, open_, self.most(job, ask)))

    def pick(self, job: Job, mask: int, count: int) -> int:
        """So many nodes of the mask, or all: the first by name, or where it or the site wants that, such as are equally fast."""
        known = self._places.speeds(job.spec) if 1 < count < mask.bit_count() else ()
        return alike(known, mask, count) or bits.lowest(mask, count)

    def slot(self, job: Job, but: int = 0) -> Start | None:
        """For a small job, in a running worker of its owner on none of the nodes of that mask."""
        if job.array is not None:
            return None
        self._jobs[job.id] = job
        return self.berths.slot(job, self.fleet, self.open(self.ask(job), self.serving & ~but))

    def workers(self, job: Job, mask: int) -> Iterator[Start]:
        """New workers for it on these nodes, which fit; each is spent before the next is asked for."""
        self._jobs[job.id] = job
        return self.berths.workers(job, (self.fleet.nodes[rank].offer for rank in bits.ranks(mask)))

    def start(self, job: Job, mask: int) -> Start:
        """On these nodes, which fit."""
        self._jobs[job.id] = job
        allocation = Allocation(self._parts(job.spec, mask))
        self.fleet.note(job.id, allocation, mask)
        return Start(job.id, allocation, (), None, self._why_these(job, mask))

    def _parts(self, spec: JobSpec, mask: int) -> tuple[NodeBinding, ...]:
        """What the job gets of each of these nodes."""
        fleet = self.fleet
        kinds = [(rank, fleet.kind_of(rank)) for rank in bits.ranks(mask)]
        fits = {kind: fleet.parts(_fit(kind, spec)) for kind in {kind for _, kind in kinds}}
        return tuple([fits[kind][rank] for rank, kind in kinds])

    def _why_these(self, job: Job, mask: int) -> str:
        count, free = mask.bit_count(), self.open(self.ask(job)).bit_count()
        known = self._places.speeds(job.spec) if count > 1 else ()
        if found := equal(known, mask):
            return f"{count} free nodes that fit and {found}"
        return _why(count, free) + (f"; {unequal(known, mask)}" if known and job.spec.equal_speed else "")

    def spend(self, start: Start) -> None:
        """A start that this ledger gave."""
        job, parts = self._jobs[start.job_id], start.allocation.bindings
        whole = start.worker is None
        self._limits.spend(job, len(parts) if whole else 0)
        if self.ask(job).slots:
            self.berths.note(job, start, self.fleet.offer(parts[0].node))
        if whole:
            self.hold(job, self.fleet.mask_on(job.id, start.allocation))

    def hold(self, job: Job, mask: int) -> None:
        """Keep these nodes for the job, which starts as soon as all of them are free."""
        self.free &= ~mask
        self.due &= ~mask
        self.held |= mask
        self.granted.append((self.now + self.ask(job).limit, mask))


def _fit(kind: Kind, spec: JobSpec) -> Binding:
    binding = kind.fit(spec)
    assert binding is not None
    return binding


def _why(count: int, free: int) -> str:
    """Why these nodes: `free` fit the job, of which it gets `count`."""
    if count >= free:
        return "the only free node that fits" if count == 1 else f"the {count} free nodes that fit"
    return f"the first{f' {count}' if count > 1 else ''} by name of {free} free nodes that fit"
