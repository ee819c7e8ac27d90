"""The future by the actual policy: what would start when, if nothing came in and every job ran as long as it is thought to."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from hpcsched.model.job import Job, JobState
from hpcsched.model.node import Node
from hpcsched.model.site import PreemptMode
from hpcsched.model.snapshot import Plan, Preempt, Snapshot, Start
from hpcsched.sched import replay_workers
from hpcsched.sched.fit import Fitter
from hpcsched.sched.reserved import Reserved

SOON_S = 1.0
"""When what is over already, or being cleaned up, is thought to be gone."""
PASS_LOOKS = 200


class Policy(Protocol):
    def plan(self, snapshot: Snapshot) -> Plan: ...


def forked(policy: Policy, fitter: Fitter) -> Policy:
    """A policy that keeps something from plan to plan has `fork`, for one that goes on from there; of others the same will do."""
    fork = getattr(policy, "fork", None)
    return fork(fitter) if fork else policy


Length = Callable[[Job, float], float]
"""For how many seconds more a job runs at that time, which is that of its start or later; infinite: it does not end."""
Order = Callable[[Sequence[Job], float], tuple[Sequence[Job], Sequence[float]]]
"""Waiting jobs as a snapshot of that time has them, and their priorities."""


def to_the_limit(job: Job, now: float) -> float:
    """It runs as long as it may."""
    return _limit_left(job, now)


def part_of_the_limit(fraction: float) -> Length:
    """It runs that part of what it may; one that has run longer, that part of what is left."""

    def length(job: Job, now: float) -> float:
        left = _limit_left(job, now)
        ran = job.spec.time_limit_s - left
        return fraction * job.spec.time_limit_s - ran if ran < fraction * job.spec.time_limit_s else fraction * left

    return length


def _limit_left(job: Job, now: float) -> float:
    if not job.spec.time_limit_s:
        return math.inf
    began = job.start_time or job.granted_time or now
    return max(0.0, began + job.suspended_s + job.spec.time_limit_s - now)


def by_arrival(jobs: Sequence[Job], now: float) -> tuple[Sequence[Job], Sequence[float]]:
    """The order of a site whose jobs have all the same factors but their age."""
    return sorted(jobs, key=lambda job: (-job.spec.priority, job.eligible_time or job.submit_time, job.id)), ()


@dataclass(slots=True)
class Budget:
    """How much may be looked at: a job or a node in one planning pass is one look. `late`: no more time."""

    looks: int = 1_000_000
    late: Callable[[], bool] = lambda: False

    def spend(self, looks: int) -> bool:
        """False: used up."""
        self.looks -= looks
        return self.looks >= 0 and not self.late()


@dataclass(frozen=True, slots=True)
class Later:
    """A job that may start at `time` and when the jobs `after` have ended."""

    job: Job
    time: float = 0.0
    after: frozenset[int] = frozenset()


class Replay:
    """`now`: how far it is. `starts`: by job, when it starts; `finishes`: when it ends, unless nobody knows. `seen`:
    those jobs. Workers are in none of them.

    `exhausted`: it stopped because of its budget. Fair share and the order of what waits already stay as they are now.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        policy: Policy,
        length: Length,
        budget: Budget,
        later: Sequence[Later] = (),
        order: Order = by_arrival,
    ) -> None:
        self.now = snapshot.now
        self.starts: dict[int, float] = {}
        self.finishes: dict[int, float] = {}
        self.seen: dict[int, Job] = {}
        self.exhausted = False
        self.nodes: dict[str, Node] = {node.name: node for node in snapshot.nodes}
        self.pending: dict[int, Job] = {job.id: job for job in snapshot.pending}
        self.running: dict[int, Job] = {}
        self._snapshot, self._policy, self._length, self._budget, self._order = snapshot, policy, length, budget, order
        self._priorities: Mapping[int, float] = dict(zip(self.pending, snapshot.priorities, strict=False))
        self._later, self._gone = list(later), set[int]()
        self._ends: list[tuple[float, int, int]] = []
        self._resumes: dict[int, float] = {}
        self._next_id = -1
        for job in snapshot.running:
            if not job.spec.canary:
                self._runs_already(job)
        self._clean()

    def until(self, job_id: int) -> float | None:
        """When that job starts; None: not as far as was looked (`exhausted`), or never as things are."""
        while job_id not in self.starts and self._step():
            pass
        return self.starts.get(job_id)

    def starts_now(self, job_id: int) -> bool:
        """By one plan."""
        return self._plan() and job_id in self.starts

    def _step(self) -> bool:
        """One plan, and on to the next time at which something changes."""
        if not self._plan():
            return False
        edge = Reserved(self._snapshot.reservations, self.now).next_edge(self.now) if self._snapshot.reservations else math.inf
        begin = min((item.time for item in self._later if item.time > self.now), default=math.inf)
        following = min(self._ends[0][0] if self._ends else math.inf, edge, begin)
        if math.isinf(following):
            return False
        self.now = max(self.now, following)
        while self._ends and self._ends[0][0] <= self.now:
            self._end(heapq.heappop(self._ends)[2])
        self._become_eligible()
        return True

    def _plan(self) -> bool:
        """Until no container starts in which others find a slot with the next plan. False: the budget is spent."""
        again = True
        while again:
            if not self._budget.spend(PASS_LOOKS + len(self.pending) + len(self.nodes)):
                self.exhausted = True
                return False
            plan = self._policy.plan(self._view())
            self._follow(plan)
            again = any(start.slots for start in plan.starts)
        return True

    def _follow(self, plan: Plan) -> None:
        for worker_id in plan.dismissed & self.running.keys():
            self.running[worker_id] = replace(self.running[worker_id], dismissed=True)
        for start in plan.starts:
            self._start(start)
        for preempt in plan.preempts:
            self._preempt(preempt)

    def _view(self) -> Snapshot:
        known = self._snapshot
        priorities = [self._priorities.get(job_id, 0.0) for job_id in self.pending] if known.priorities else ()
        return Snapshot(
            self.now,
            tuple(self.nodes.values()),
            tuple(self.pending.values()),
            tuple(self.running.values()),
            known.site,
            known.reservations,
            known.usage,
            priorities,
        )

    def _start(self, start: Start) -> None:
        job = self.pending[start.job_id]
        self.starts.setdefault(job.id, self.now)
        self.seen.setdefault(job.id, job)
        if job.spec.array:
            return self._start_worker(job, start)
        del self.pending[job.id]
        runs = replace(job, state=JobState.RUNNING, allocation=start.allocation, granted_time=self.now, start_time=self.now)
        if start.slots:
            worker = replay_workers.for_small_job(self._new_id(), runs, start)
            self._takes(worker)
            runs = replace(runs, worker=worker.id, allocation=replay_workers.first_slot(start))
        elif start.worker is not None:
            slot = start.allocation.bindings[0].binding
            self.running[start.worker] = replay_workers.with_small_job(self.running[start.worker], job.id, slot)
            runs = replace(runs, worker=start.worker)
        self._takes(runs)
        self._end_after(runs)
        return None

    def _start_worker(self, array: Job, start: Start) -> None:
        array, worker = replay_workers.for_array(self._new_id(), array, start, self.now)
        self._put_array(array)
        self._takes(worker)
        self._end_after(worker)

    def _put_array(self, array: Job) -> None:
        """It waits as long as it has tasks that wait."""
        if array.array and array.array.left:
            self.pending[array.id] = array
        else:
            self.pending.pop(array.id, None)

    def _takes(self, job: Job) -> None:
        self.running[job.id] = job
        if job.worker is None and job.allocation:
            for name in job.allocation.nodes:
                self.nodes[name] = replace(self.nodes[name], job_id=job.id)

    def _end_after(self, job: Job) -> None:
        left = self._length(job, self.now)
        if not math.isinf(left):
            self._push(self.now + left, job)

    def _end(self, job_id: int) -> None:
        job = self.running.get(job_id)
        if job is None:
            return
        if job.is_worker:
            self._end_wave(job)
            return
        self._drop(job)
        self._gone.add(job_id)
        worker = self.running.get(job.worker) if job.worker is not None else None
        if worker:
            self._keep(replay_workers.without_job(worker, job_id))

    def _end_wave(self, worker: Job) -> None:
        """Its tasks have all ended: it takes the next ones, where there are any that it may have."""
        small = {job.id for job in self.running.values() if job.worker == worker.id}
        for item in worker.assigned:
            array = self.pending.get(item.job_id)
            if array is not None:
                array, worker = replay_workers.next_wave(worker, array, self.now)
                self._put_array(array)
                self._end_after(worker)
            elif item.job_id not in small:
                worker = replay_workers.without_job(worker, item.job_id)
                self._array_may_be_over(item.job_id, worker)
        self._keep(worker)

    def _array_may_be_over(self, array_id: int, but: Job) -> None:
        others = (job for job in self.running.values() if job.id != but.id)
        if not any(item.job_id == array_id for job in others for item in job.assigned):
            self._gone.add(array_id)
            self.finishes[array_id] = self.now

    def _keep(self, worker: Job) -> None:
        """As long as it has work."""
        self.running[worker.id] = worker
        if not worker.assigned:
            self._drop(worker)

    def _drop(self, job: Job) -> None:
        del self.running[job.id]
        for name in job.allocation.nodes if job.allocation and job.worker is None else ():
            if self.nodes[name].job_id == job.id:
                self._free(name)

    def _free(self, name: str) -> None:
        """Or back to the job that was frozen there, as soon as all of its nodes are."""
        self.nodes[name] = node = replace(self.nodes[name], job_id=None)
        frozen = self.running.get(node.suspended[-1]) if node.suspended else None
        names = frozen.allocation.nodes if frozen and frozen.allocation else ()
        if frozen is None or any(self.nodes[other].job_id is not None for other in names):
            return
        for other in names:
            rest = tuple(number for number in self.nodes[other].suspended if number != frozen.id)
            self.nodes[other] = replace(self.nodes[other], job_id=frozen.id, suspended=rest)
        self.running[frozen.id] = replace(frozen, state=JobState.RUNNING)
        left = self._resumes.pop(frozen.id, math.inf)
        if not math.isinf(left):
            self._push(self.now + left, frozen)

    def _preempt(self, preempt: Preempt) -> None:
        """The victim's nodes are free after its grace. One that is put back or frozen is thought to wait again from then on."""
        victim = self.running.get(preempt.job_id)
        if victim is None or victim.preempt_mode is not None:
            return
        free_at = self.now + max(preempt.grace_s, SOON_S)
        self.running[victim.id] = replace(victim, preempted_by=preempt.by, preempt_mode=preempt.mode)
        heapq.heappush(self._ends, (free_at, len(self.seen), victim.id))
        if preempt.mode is not PreemptMode.CANCEL:
            frozen = preempt.mode is PreemptMode.SUSPEND and victim.spec.time_limit_s
            spec = replace(victim.spec, time_limit_s=max(1, int(_limit_left(victim, free_at)))) if frozen else victim.spec
            again = replace(victim, spec=spec, state=JobState.PENDING, allocation=None, start_time=0.0, granted_time=0.0)
            self._later.append(Later(replace(again, preempted_by=None, preempt_mode=None), free_at))

    def _runs_already(self, job: Job) -> None:
        """Of a worker it is not known how far its tasks are: they are thought to begin now."""
        self.running[job.id] = job
        if not job.is_worker:
            self.seen[job.id] = job
        left = self._length(replace(job, start_time=self.now) if job.is_worker else job, self.now)
        if job.state is JobState.SUSPENDED:
            self._resumes[job.id] = left
        elif not math.isinf(left):
            self._push(self.now + max(left, SOON_S), job)

    def _push(self, end: float, job: Job) -> None:
        heapq.heappush(self._ends, (end, len(self.seen), job.id))
        if not job.is_worker:
            self.finishes[job.id] = end

    def _clean(self) -> None:
        """So are canaries."""
        for name, node in self.nodes.items():
            if node.canary:
                self.nodes[name] = replace(node, job_id=None, cleaning=(), canary=False)
            elif node.cleaning:
                self.nodes[name] = replace(node, cleaning=())

    def _become_eligible(self) -> None:
        ready, rest = list[Job](), list[Later]()
        for item in self._later:
            if item.time <= self.now and item.after <= self._gone:
                ready.append(replace(item.job, eligible_time=self.now))
            else:
                rest.append(item)
        if ready:
            self._later = rest
            ordered, priorities = self._order((*self.pending.values(), *ready), self.now)
            self.pending = {job.id: job for job in ordered}
            self._priorities = dict(zip(self.pending, priorities, strict=False))

    def _new_id(self) -> int:
        self._next_id -= 1
        return self._next_id
