"""Conservative backfilling (Mu'alem & Feitelson 2001): the start of every job that waits is reserved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hpcsched.model.job import Job, JobSpec, Reason
from hpcsched.model.reservation import Reservation
from hpcsched.model.snapshot import Plan, Snapshot, Wait
from hpcsched.sched import bits
from hpcsched.sched.ask import Ask, Shape
from hpcsched.sched.backfill import Turn, no_nodes
from hpcsched.sched.choice import overdue_first
from hpcsched.sched.fit import Fitter
from hpcsched.sched.horizon import ends, natural_ends, shadow, worker_ends
from hpcsched.sched.ledger import UNAVAILABLE, Ledger
from hpcsched.sched.packing import owner
from hpcsched.sched.preempt import with_preemptions
from hpcsched.sched.profile import Profile, Share, split
from hpcsched.sched.reserved import moment
from hpcsched.sched.waiting import NOBODY, Waiting, in_columns

MAX_STEPS = 100_000
"""Work of one plan: times looked at, for each group of equal nodes. Jobs that it does not come to wait behind the others."""
LONG_QUEUE = 100
"""So many jobs are always within that."""
_BEHIND = Wait(Reason.PRIORITY, "more jobs are ahead than starts are reserved for")
_UNKNOWN = Wait(Reason.RESOURCES, "it waits for nodes of jobs that have no time limit")


@dataclass(slots=True)
class _Promise:
    """To a job that asked for `spec`."""

    time: float
    wait: Wait
    spec: JobSpec


class Conservative:
    """A job is promised the earliest start that delays no promise made before, and a promise only ever moves forward: when
    something ends early or will, a job that waits is gone or asks for something else, nodes come back or reservations go, each in
    order gets an earlier start if there is one. So nobody is overtaken for longer than until
    the start that was promised when it came, as long as no node is lost or newly reserved. Promises are forgotten by a restart.

    The first in the order has no more than a promise either: one that comes, or comes to be first, when others have theirs
    already starts behind these, whatever its priority. Workers of arrays behind the first that waits get no more work where it
    waits for their nodes; others count as busy until their arrays are through.
    """

    def __init__(self) -> None:
        self._fitter = Fitter()
        self._promises: dict[int, _Promise] = {}
        self._running: frozenset[int] = frozenset()
        self._started: tuple[int, ...] = ()
        self._room: tuple[int, Sequence[Reservation]] = (0, ())

    def fork(self, fitter: Fitter) -> Conservative:
        """One that goes on from the same promises, and leaves these as they are."""
        other = Conservative()
        other._fitter, other._running, other._started, other._room = fitter, self._running, self._started, self._room
        other._promises = {job_id: replace(promise) for job_id, promise in self._promises.items()}
        return other

    def plan(self, snapshot: Snapshot) -> Plan:
        ledger = Ledger(snapshot, self._fitter)
        if not ledger.serving:
            return Plan(others=no_nodes(ledger))
        running = frozenset(job.id for job in snapshot.running)
        opened = self._opened(ledger) or self._fitter.running.sooner or not self._running <= running
        came_true = sum(job_id in running and job_id in self._promises for job_id in self._started)
        turn = _Turn(ledger, self._promises, opened, came_true)
        plan = turn.plan(overdue_first(in_columns(snapshot.pending), snapshot))
        self._promises, self._started = turn.promises, tuple(start.job_id for start in plan.starts)
        self._running = running.union(self._started)
        return with_preemptions(plan, ledger)

    def _opened(self, ledger: Ledger) -> bool:
        """There are more nodes, or other reservations, than last time."""
        (nodes, reservations), self._room = self._room, (ledger.serving.bit_count(), ledger.snapshot.reservations)
        return self._room[0] > nodes or self._room[1] != reservations


class _Turn:
    """`opened`: there may be earlier starts for those that were promised one. `came_true`: so many of `known` have started."""

    def __init__(self, ledger: Ledger, known: dict[int, _Promise], opened: bool, came_true: int) -> None:
        self._ledger, self._known, self._opened, self._came_true = ledger, known, opened, came_true
        self.promises: dict[int, _Promise] = {}
        self._turn = Turn(ledger, NOBODY)
        self._waits, self._starts = self._turn.waits, self._turn.starts
        self._shares: dict[int, Share] = {}
        self._head: Job | None = None
        self._dismissed: frozenset[int] = frozenset()

    def plan(self, pending: Waiting) -> Plan:
        pending = self._start_takers(pending) if self._ledger.giving.takers else pending
        self._open({id(shape): self._ledger.able(shape) for shape in self._shapes(pending)})
        known = self._promised(pending)
        for job, ask in self._ledger.pairs(known):
            if self._barred(job) is None:
                self._keep(job, ask)
        self._opened = self._opened or len(self.promises) < len(self._known) - self._came_true
        for place, (job, ask) in enumerate(self._ledger.each(pending)):
            if self._profile.steps > MAX_STEPS:
                return self._cut_short(known if self._is_long(pending) else ())
            if self._in_slot(job, ask):
                continue
            if self._may(job, ask) and (self._is_apart(job, ask) or self._promise(job, ask)):
                self._turn.start_on(job, ask, self._nodes(job, ask))
            elif self._head is None and job.id in self.promises:
                self._head = job
                self._dismiss(job, ask, set(pending[: place + 1].column("id").tolist()))
                self._tell_first(job)
        return self._answer()

    def _start_takers(self, pending: Waiting) -> Waiting:
        """Those for which others give nodes up start as soon as all of these are there, whatever was promised; the others."""
        ledger, takers = self._ledger, self._ledger.giving.takers
        for job, ask in ledger.pairs(pending.picked(np.isin(pending.column("id"), list(takers)))):
            there = ledger.open(ask, ledger.free | ledger.due | ledger.kept(job))
            if not ask.slots and ledger.why_not(job) is None and there.bit_count() >= ask.nodes:
                self._turn.start_on(job, ask, ledger.pick(job, there, ledger.most(job, ask)))
                self._came_true += job.id in self._known
        started = [*self._waits, *(start.job_id for start in self._starts)]
        return pending.picked(~np.isin(pending.column("id"), started))

    def _tell_first(self, job: Job) -> None:
        """It waits for nodes, unless it is kept by itself."""
        if self._ledger.why_not(job) is None:
            self._waits[job.id] = Wait(Reason.RESOURCES, f"first in line; {self._waits[job.id].message}")

    def _shapes(self, pending: Waiting) -> list[Shape]:
        """In the order of the first job of each."""
        shapes = self._ledger.shapes(pending)
        return [shapes[number] for _, number in pending.firsts("shape")]

    def _promised(self, pending: Waiting) -> Waiting:
        """Those that were promised a start before."""
        ids, known = pending.column("id"), self._known
        if not self._is_long(pending):
            return pending.picked(np.array([place for place, number in enumerate(ids.tolist()) if number in known], np.intp))
        return pending.picked(np.flatnonzero(np.isin(ids, np.fromiter(known, np.int64, len(known)))))

    def _answer(self, others: Wait | None = None) -> Plan:
        return Plan(tuple(self._starts), self._turn.answers(), others, dismissed=self._dismissed)

    def _is_long(self, pending: Sequence[Job]) -> bool:
        """The work may not be enough for all of them."""
        return len(pending) > LONG_QUEUE

    def _cut_short(self, due: Sequence[Job]) -> Plan:
        """Start those of the others whose promised time has come."""
        answered = {start.job_id for start in self._starts} | self._waits.keys()
        for job in due:
            if job.id in self.promises and job.id not in answered and self.promises[job.id].time <= self._ledger.now:
                ask = self._ledger.ask(job)
                self._turn.start_on(job, ask, self._nodes(job, ask))
        return self._answer(_BEHIND)

    def _is_apart(self, job: Job, ask: Ask) -> bool:
        """It runs on nodes that are set aside for it, and so nobody's promise is concerned."""
        return bool(ask.spec.reservation)

    def _in_slot(self, job: Job, ask: Ask) -> bool:
        """A small job starts in a worker of its owner where that breaks no promise."""
        serial, promised = self._ledger.serial, self.promises.get(job.id)
        if not ask.slots or job.array is not None or ask.full == serial:
            return False
        if promised is not None:
            self._profile.take(self._shares[job.id], promised.time, ask.limit, -1)
        if self._turn.in_slot(job, ask, self._needed(ask)):
            self._extend(ask, self._starts[-1].worker if self._turn.has_start(job) else None)
            return True
        if promised is not None:
            self._profile.take(self._shares[job.id], promised.time, ask.limit)
        ask.full = serial
        return False

    def _needed(self, ask: Ask) -> int:
        """Nodes of the owner's workers on which a slot of that length would keep someone from what was promised."""
        mine = [worker for worker in self._ledger.running_workers if owner(worker.spec) == owner(ask.spec)]
        return sum(self._ledger.fleet.mask_of(worker) for worker in mine if not self._can_extend(ask, worker))

    def _can_extend(self, ask: Ask, worker: Job) -> bool:
        begin, length = self._extension(ask, worker.id)
        share = self._profile.share(self._group_of(worker), 1, begin, length) if length > 0 else ()
        return length <= 0 or any(count for _, count in share)

    def _extend(self, ask: Ask, worker_id: int | None) -> None:
        """The node is busy until the slot's end."""
        worker = next((worker for worker in self._ledger.running_workers if worker.id == worker_id), None)
        if worker is not None:
            begin, length = self._extension(ask, worker.id)
            if length > 0:
                self._profile.take([(group, 1) for group in self._group_of(worker)], begin, length)
                self._natural[worker.id] = begin + length

    def _extension(self, ask: Ask, worker_id: int) -> tuple[float, float]:
        """When the worker would end, and how much longer it lives with a slot of that length; both may be infinite."""
        begin, end = self._natural[worker_id], self._ledger.now + ask.limit
        return begin, end - begin if end > begin else 0.0

    def _group_of(self, worker: Job) -> list[int]:
        mask = self._ledger.fleet.mask_of(worker)
        return [number for number, group in enumerate(self._profile.groups) if group & mask]

    def _barred(self, job: Job) -> Wait | None:
        """A job that others' reservations keep from its nodes now is promised a start between them."""
        wait = self._ledger.why_not(job)
        return None if wait and wait.reason is Reason.RESERVATION and not job.spec.reservation else wait

    def _may(self, job: Job, ask: Ask) -> bool:
        wait = self._barred(job) or (None if ask.nodes <= self._there[id(ask.shape)] else UNAVAILABLE)
        if wait is not None:
            self._waits[job.id] = wait
        return wait is None

    def _open(self, able: dict[int, int]) -> None:
        ledger = self._ledger
        windows = ledger.closures.windows(ledger.now)
        groups = split(ledger.serving, dict.fromkeys((*able.values(), *(mask for mask, _, _ in windows))))
        ready = ledger.free | ledger.due
        self._natural = natural_ends(ledger)
        workers = [(self._natural[worker.id], ledger.fleet.mask_of(worker)) for worker in ledger.running_workers]
        coming = [(end, mask & ~ready) for end, mask in sorted([*ends(ledger), *workers])]
        self._profile = Profile(ledger.now, groups, ready, coming)
        for mask, start, end in windows:
            self._profile.close(mask, start, end)
        self._there = {key: (mask & ledger.serving).bit_count() for key, mask in able.items()}
        self._groups = {key: [n for n, group in enumerate(groups) if group & mask] for key, mask in able.items()}

    def _keep(self, job: Job, ask: Ask) -> None:
        """What was promised stays promised, if it can."""
        known = self._known.get(job.id)
        if known is None:
            return
        known.time = max(known.time, self._ledger.now)
        share = self._profile.book(self._groups[id(ask.shape)], ask.nodes, known.time, ask.limit)
        if share:
            self._shares[job.id], self.promises[job.id] = share, known
        if known.spec is not job.spec:
            self._opened, known.spec = self._opened or known.spec != job.spec, job.spec

    def _promise(self, job: Job, ask: Ask) -> bool:
        """Its time has come."""
        known = self.promises.get(job.id)
        if known is None or (self._opened and known.time > self._ledger.now):
            known = self._improve(job, ask, known)
        if known.time > self._ledger.now:
            self._waits[job.id] = known.wait
            return False
        return True

    def _improve(self, job: Job, ask: Ask, known: _Promise | None) -> _Promise:
        profile, groups = self._profile, self._groups[id(ask.shape)]
        if known is not None:
            profile.take(self._shares[job.id], known.time, ask.limit, -1)
        time = profile.earliest(groups, ask.nodes, ask.limit)
        if time == math.inf:
            return _Promise(time, _UNKNOWN, job.spec)
        self._shares[job.id] = profile.book(groups, ask.nodes, time, ask.limit)
        if known is None or known.time != time:
            known = _Promise(time, Wait(Reason.PRIORITY, f"starts at {moment(time)} or before"), job.spec)
        self.promises[job.id] = known
        return known

    def _dismiss(self, job: Job, ask: Ask, ahead: set[int]) -> None:
        """Workers without which it starts later, if there are any."""
        if not self._natural or not (found := shadow(self._ledger, ask, ahead)).dismissed:
            return
        known = self.promises[job.id]
        if found.time < known.time:
            self._dismissed = found.dismissed
            for end, mask, number in worker_ends(self._ledger, ahead):
                if number in found.dismissed:
                    self._profile.open(mask, end, self._natural[number])
            self._waits[job.id] = self._improve(job, ask, known).wait

    def _nodes(self, job: Job, ask: Ask) -> int:
        """Of each group as many as it was promised; 0: they are not there."""
        ledger, most = self._ledger, self._ledger.most(job, ask)
        there = ledger.open(ask, ledger.free | ledger.due | ledger.kept(job))
        if self._is_apart(job, ask):
            return bits.lowest(there, most) if there.bit_count() >= ask.nodes else 0
        chosen = 0
        for group, count in self._shares[job.id]:
            mine = self._profile.groups[group] & there
            chosen |= ledger.pick(job, mine & ledger.free, count)
            chosen |= bits.lowest(mine & ~ledger.free, count - (chosen & mine).bit_count())
        return chosen if chosen.bit_count() >= ask.nodes else 0
