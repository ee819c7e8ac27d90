"""The future by the actual policy: what would start when, if nothing came in and every job ran as long as it is thought to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from hpcsched.model.allocation import NodeBinding
from hpcsched.model.job import Job, JobState
from hpcsched.model.reservation import Repeat
from hpcsched.model.site import PreemptMode
from hpcsched.model.snapshot import Plan, Preempt, Snapshot, Start
from hpcsched.sched import replay_workers
from hpcsched.sched.fit import Fitter
from hpcsched.sched.giving import HOLD_S
from hpcsched.sched.replay_later import Later, Latest, Name, Outside
from hpcsched.sched.replay_length import Length, limit_left
from hpcsched.sched.replay_line import Line, Order, by_arrival
from hpcsched.sched.replay_nodes import SOON_S, Nodes
from hpcsched.sched.replay_pace import Budget, grain
from hpcsched.sched.reserved import PERIODS, Reserved

PASS_LOOKS = 200
LOOKED_AT, LOOKED_AT_ROUGHLY = 2000, 500
"""Of the jobs that wait, how many a plan of the replay sees: the first ones in order, and the one in question. Fewer where ends
are taken together.
"""


class Policy(Protocol):
    def plan(self, snapshot: Snapshot) -> Plan: ...


def forked(policy: Policy, fitter: Fitter) -> Policy:
    """A policy that keeps something from plan to plan has `fork`, for one that goes on from there; of others the same will do."""
    fork = getattr(policy, "fork", None)
    return fork(fitter) if fork else policy


class Replay:
    """`now`: how far it is. `starts`: by job, when it starts, without workers. `alike`: see Outside; `finishes`, `seen`,
    `gave_way`, `running`: see Nodes.

    `latest`: by when jobs must have started, or they are given up; the one in question is not.

    `exhausted`: it stopped because of its budget. `grain_s`: where that was not enough for a plan at each end, ends up to so far
    apart were taken together; what then starts on freed nodes does so when the last of them was free. Fair share stays as it is.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        policy: Policy,
        length: Length,
        budget: Budget,
        later: Sequence[Later] = (),
        order: Order = by_arrival,
        alike: Mapping[Name, Sequence[int]] | None = None,
        latest: Mapping[int, float] | None = None,
    ) -> None:
        self.now = self._begun = snapshot.now
        self.starts: dict[int, float] = {}
        self.exhausted = False
        self.grain_s = 0.0
        ranked_at = snapshot.now if snapshot.ranked_at is None else snapshot.ranked_at
        self.pending = Line(snapshot.pending, snapshot.priorities, order, LOOKED_AT, ranked_at)
        self._nodes = Nodes(snapshot.nodes, length)
        self._snapshot, self._policy, self._budget = snapshot, policy, budget
        self._outside = Outside(later, alike or {})
        self._latest = Latest(latest or {})
        self._taken = {name for qos in snapshot.site.qos for name in qos.preempt}
        self._asked = 0
        self._passes = 0
        self._changed = snapshot.now
        self._next_id = -1
        for job in snapshot.running:
            if not job.spec.canary:
                self._nodes.runs_already(job, self.now)
                self._leaves_already(job)

    @property
    def finishes(self) -> Mapping[int, float]:
        return self._nodes.finishes

    @property
    def gave_way(self) -> Mapping[int, float]:
        return self._nodes.gave_way

    @property
    def seen(self) -> Mapping[int, Job]:
        return self._nodes.seen

    @property
    def running(self) -> Mapping[int, Job]:
        return self._nodes.running

    def until(self, job_id: int) -> float | None:
        """When that job starts; None: not as far as was looked (`exhausted`), or never as things are."""
        self._asked = job_id
        while job_id not in self.starts and self._step():
            pass
        return self.starts.get(job_id)

    def starts_now(self, job_id: int) -> bool:
        """By one plan."""
        self._asked = job_id
        return self._plan() and job_id in self.starts

    def _step(self) -> bool:
        """One plan, and on to the next time at which something changes."""
        if not self._plan():
            return False
        edge = Reserved(self._snapshot.reservations, self.now).next_edge(self.now) if self._snapshot.reservations else math.inf
        following = min(self._nodes.next_end(), edge, self._outside.next_time(self.now), self._latest.next_time(self._waits))
        if math.isinf(following) or (following == edge and self._will_never(edge)):
            return False
        self._go_to(max(self.now, following), edge)
        return True

    def _will_never(self, edge: float) -> bool:
        """For so long nothing but reservations has come and gone that each way in which they follow each other was there."""
        idle = max([self._changed, *(item.end for item in self._snapshot.reservations)])
        return edge > idle + 2 * PERIODS[Repeat.WEEKLY]

    def _go_to(self, time: float, edge: float) -> None:
        """What ends by then, or so shortly afterwards that it is taken together with that, and no further than that edge."""
        grain_s = self._grain()
        if grain_s:
            self.grain_s = max(self.grain_s, grain_s)
            self.pending.looked_at = LOOKED_AT_ROUGHLY
        until = max(time, min(time + grain_s, edge))
        self.now = time
        for end, job_id in self._nodes.ends(until):
            self._changed = time
            self.now = max(self.now, end)
            self._end(job_id, end if grain_s else self.now)
        self._give_up_late(time)
        ready = self._outside.due(self.now)
        if ready:
            self._changed = time
            self.pending.enter([replace(job, eligible_time=self.now) for job in ready])

    def _waits(self, job_id: int) -> bool:
        return job_id != self._asked and (job_id in self.pending or job_id in self._outside)

    def _give_up_late(self, time: float) -> None:
        for job_id in self._latest.missed(self.now, self._waits):
            self._changed = time
            job = self.pending.take(job_id) if job_id in self.pending else None
            self._outside.gave_up(job_id, job, self.now)

    def _grain(self) -> float:
        place = self.pending.place(self._asked)
        if place < 0:
            return 0.0
        work_s = self.pending.work(place + 1) / max(1, len(self._nodes.nodes))
        return grain(self._passes, self._budget.spent, len(self.running) + place, work_s, self.now - self._begun)

    def _plan(self) -> bool:
        """Until none starts of which another may get something with the next plan. False: the budget is spent."""
        again = True
        while again:
            if not self._budget.spend(PASS_LOOKS + min(len(self.pending), self.pending.looked_at) + len(self._nodes.nodes)):
                self.exhausted = True
                return False
            self._passes += 1
            plan = self._policy.plan(self._view())
            self._follow(plan)
            again = any(start.slots or self._can_be_taken(start.job_id) for start in plan.starts)
        self._nodes.freed.clear()
        return True

    def _can_be_taken(self, job_id: int) -> bool:
        job = self.running.get(job_id)
        return job is not None and job.spec.qos in self._taken

    def _follow(self, plan: Plan) -> None:
        running = self._nodes.running
        for worker_id in plan.dismissed & running.keys():
            running[worker_id] = replace(running[worker_id], dismissed=True)
        for start, time in zip(plan.starts, tuple(self._times(plan.starts)), strict=True):
            self._start(start, time)
        for preempt in plan.preempts:
            self._preempt(preempt)

    def _times(self, starts: Sequence[Start]) -> Iterator[float]:
        """When each starts: now, or where ends were taken together, when so many nodes had come free; in their order."""
        freed = sorted(self._nodes.freed[part.node] for start in starts for part in self._parts(start))
        taken = 0
        for start in starts:
            taken += len(self._parts(start))
            job = self.pending.get(start.job_id)
            since = job.eligible_time if job else 0.0
            yield max(freed[taken - 1], since, self._begun) if self._parts(start) else self.now

    def _parts(self, start: Start) -> list[NodeBinding]:
        """Those on nodes that came free since the last plan."""
        return [part for part in start.allocation.bindings if part.node in self._nodes.freed and start.worker is None]

    def _view(self) -> Snapshot:
        known = self._snapshot
        jobs, priorities = self.pending.view(self._asked, self.now)
        nodes, running = tuple(self._nodes.nodes.values()), tuple(self._nodes.running.values())
        used = known.usage, priorities, known.table_usage, known.user_usage
        return Snapshot(self.now, nodes, jobs, running, known.site, known.reservations, *used)

    def _start(self, start: Start, time: float) -> None:
        job = self.pending.get(start.job_id)
        assert job is not None
        if job.id not in self.starts:
            self._outside.began(job, time)
        self.starts.setdefault(job.id, time)
        self._nodes.seen.setdefault(job.id, job)
        if job.spec.array:
            return self._start_worker(job, start, time)
        self.pending.take(job.id)
        runs = replace(job, state=JobState.RUNNING, allocation=start.allocation, granted_time=time, start_time=time)
        if start.slots:
            worker = replay_workers.for_small_job(self._new_id(), runs, start)
            self._nodes.take(worker)
            runs = replace(runs, worker=worker.id, allocation=replay_workers.first_slot(start))
        elif start.worker is not None:
            slot = start.allocation.bindings[0].binding
            worker = replay_workers.with_small_job(self._nodes.running[start.worker], job.id, slot)
            self._nodes.running[start.worker] = worker
            runs = replace(runs, worker=start.worker)
        self._nodes.take(runs)
        self._nodes.end_after(runs, time)
        return None

    def _start_worker(self, array: Job, start: Start, time: float) -> None:
        array, worker = replay_workers.for_array(self._new_id(), array, start, time)
        self._put_array(array)
        self._nodes.take(worker)
        self._nodes.end_after(worker, time)

    def _put_array(self, array: Job) -> None:
        """It waits as long as it has tasks that wait."""
        if array.id in self.pending and array.array and array.array.left:
            self.pending.replace(array)
        elif array.id in self.pending:
            self.pending.take(array.id)

    def _end(self, job_id: int, time: float) -> None:
        job = self.running.get(job_id)
        if job is None:
            return
        if job.is_worker:
            self._end_wave(job, time)
            return
        self._nodes.drop(job, time)
        if job.preempt_mode in (None, PreemptMode.CANCEL):
            self._outside.ended(job, time)
        worker = self.running.get(job.worker) if job.worker is not None else None
        if worker:
            self._keep(replay_workers.without_job(worker, job_id), time)

    def _end_wave(self, worker: Job, time: float) -> None:
        """Its tasks have all ended: it takes the next ones, where there are any that it may have."""
        small = {job.id for job in self.running.values() if job.worker == worker.id}
        for item in worker.assigned:
            array = self.pending.get(item.job_id)
            if array is not None:
                array, worker = replay_workers.next_wave(worker, array, time)
                self._put_array(array)
                self._nodes.end_after(worker, time)
            elif item.job_id not in small:
                worker = replay_workers.without_job(worker, item.job_id)
                self._array_may_be_over(item.job_id, worker, time)
        self._keep(worker, time)

    def _array_may_be_over(self, array_id: int, but: Job, time: float) -> None:
        others = (job for job in self.running.values() if job.id != but.id)
        if not any(item.job_id == array_id for job in others for item in job.assigned):
            self._nodes.finishes[array_id] = time
            if array_id in self.seen:
                self._outside.ended(self.seen[array_id], time)

    def _keep(self, worker: Job, time: float) -> None:
        """As long as it has work."""
        self._nodes.running[worker.id] = worker
        if not worker.assigned:
            self._nodes.drop(worker, time)

    def _preempt(self, preempt: Preempt) -> None:
        victim = self.running.get(preempt.job_id)
        if victim is not None and victim.preempt_mode is None:
            self._give_way(replace(victim, preempted_by=preempt.by), preempt.mode, preempt.grace_s)

    def _leaves_already(self, job: Job) -> None:
        """One that was told to go has its grace for that; how much of it is over nobody knows."""
        if job.cancel_requested:
            self._give_way(job, PreemptMode.CANCEL, job.spec.grace_s)
        elif job.requeue_requested:
            self._give_way(job, PreemptMode.REQUEUE, job.spec.grace_s)
        elif job.preempt_mode is not None and self._nodes.has_some(job):
            self._give_way(job, job.preempt_mode, job.preempt_grace_s)

    def _give_way(self, victim: Job, mode: PreemptMode, grace_s: int) -> None:
        """Its nodes are free after its grace, soon where it is frozen. If it may go on, it is thought to wait again then."""
        if victim.is_worker or victim.worker is not None:
            return
        free_at = self.now + (SOON_S if mode is PreemptMode.SUSPEND else max(grace_s, SOON_S))
        self._nodes.cut(replace(victim, preempt_mode=mode), free_at)
        if mode is not PreemptMode.CANCEL:
            frozen = mode is PreemptMode.SUSPEND and victim.spec.time_limit_s
            spec = replace(victim.spec, time_limit_s=max(1, int(limit_left(victim, free_at)))) if frozen else victim.spec
            again = replace(victim, spec=spec, state=JobState.PENDING, allocation=None, start_time=0.0, granted_time=0.0)
            again = replace(again, preempted_by=None, preempt_mode=None, requeue_requested=False)
            self._outside.put(again, free_at + (HOLD_S if victim.preempted_by is not None else 0.0))

    def _new_id(self) -> int:
        self._next_id -= 1
        return self._next_id
