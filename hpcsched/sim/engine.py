"""A workload trace through the controller's own state and policies, on a virtual clock."""

from __future__ import annotations

import enum
import heapq
import math
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hpcsched.errors import Infeasible, InvalidValue, QueueFull
from hpcsched.model.container import EndCause
from hpcsched.model.site import PreemptMode, Site
from hpcsched.sim.canaries import Canaries, Flock
from hpcsched.sim.cluster import Cluster
from hpcsched.sim.failures import Chance, Failures
from hpcsched.sim.machine import node_count
from hpcsched.sim.outcome import Outcome
from hpcsched.sim.runs import Progress, Run, Runs
from hpcsched.sim.submission import spec_of
from hpcsched.sim.trace import Trace, TraceJob
from hpcsched.state.events import AllocationGranted, JobPreempted, JobResumed, WorkerGranted

MIN_ORIGIN = 86400.0
"""The clock of a trace without a date begins here: 0 means that something has not happened."""
MIN_IDLE_S, MAX_IDLE_S = 60.0, 90 * 86400.0
"""Of a machine on which jobs wait and none runs: when it is looked at again, and when nothing will ever change any more."""


class Turns(enum.StrEnum):
    """When the policy plans.

    TRACE: as the simulators behind published results do: after each end, and after each submission of a job that fits in what is
    free, or may take it from others; at one time submissions come before ends. CONTROLLER: as ours does, once after all that
    happens at one time.
    """

    TRACE = "trace"
    CONTROLLER = "controller"


class _Kind(enum.IntEnum):
    """In the order in which they come at one time."""

    GONE = -1
    SUBMIT = 0
    END = 1
    STOP = 2
    FAIL = 3
    REPAIR = 4
    WAKE = 5
    CANARIES = 6


@dataclass(frozen=True, slots=True)
class Setting:
    """`processors`, and how many a node has: a job gets whole nodes. `check`: judge every plan, and every invariant after every
    event. `canaries` run on idle nodes.
    """

    processors: int
    node_processors: int = 1
    site: Site = field(default_factory=Site)
    turns: Turns = Turns.TRACE
    failures: Failures | None = None
    check: bool = False
    canaries: Canaries | None = None


def simulate(trace: Trace, policy: Any, setting: Setting, label: str = "", progress: Progress | None = None) -> Outcome:
    """Same trace, policy and setting, same outcome (but for `took_s`). `progress` hears of jobs done, and of how many."""
    began = time.perf_counter()
    engine = _Engine(trace, policy, setting, progress or (lambda done, total: None))
    engine.run()
    return engine.outcome(label, time.perf_counter() - began)


class _Engine:
    """`_times`: a heap of (time, kind, order of coming, what): a job by its place in the trace or its id, or a node by name."""

    def __init__(self, trace: Trace, policy: Any, setting: Setting, progress: Progress) -> None:
        self._trace, self._setting = trace, setting
        self._origin = trace.origin or (MIN_ORIGIN if trace.jobs[0].submit < MIN_ORIGIN else 0.0)
        now = self._origin + trace.jobs[0].submit
        self._cluster = Cluster(policy, setting.processors, setting.node_processors, setting.site, now, setting.check)
        self._submits = len(trace.jobs)
        self._times: list[tuple[float, _Kind, int, Any]] = [
            (self._origin + job.submit, _Kind.SUBMIT, place, place) for place, job in enumerate(trace.jobs)
        ]
        self._count = len(self._times) + 1
        self._refused: Counter[str] = Counter()
        self._failures = self._preemptions = 0
        self._woken_at = 0.0
        self._chance = Chance(setting.failures) if setting.failures else None
        begin_again = self._chance is not None or self._cluster.preempts
        self._runs = Runs(trace, self._origin, self._cluster, begin_again, progress)
        for name in self._cluster.state.nodes if self._chance else ():
            self._later(now + self._works_s(), _Kind.FAIL, name)
        self._flock = Flock(setting.canaries, self._cluster) if setting.canaries else None
        if self._flock:
            self._later(now, _Kind.CANARIES, None)

    def run(self) -> None:
        step = self._step_as_traces_do if self._setting.turns is Turns.TRACE else self._step_as_the_controller_does
        while self._times and (self._submits or self._runs.places):
            step()
            if not (self._submits or self._runs.started) and not self._waits():
                break

    def outcome(self, label: str, took_s: float) -> Outcome:
        first = min(self._runs.places, default=0)
        wait = self._cluster.plan.wait(first) if first else None
        return Outcome(
            label=label,
            trace=self._trace,
            processors=self._setting.processors,
            ran=self._runs.over(),
            refused=tuple(self._refused.most_common()),
            stuck=len(self._runs.places),
            stuck_why=wait.message if wait else "",
            passes=self._cluster.passes,
            failures=self._failures,
            took_s=took_s,
            preemptions=self._preemptions,
            canaries=self._flock.begun if self._flock else 0,
            driven_off=self._flock.driven_off if self._flock else 0,
        )

    def _step_as_traces_do(self) -> None:
        kind, what = self._next()
        if kind is _Kind.END and what in self._runs.array_of:
            if self._end_task(what):
                return
        else:
            self._happen(kind, what)
        if kind is _Kind.CANARIES or (kind is _Kind.GONE and not self._cluster.state.queue):
            return
        if self._may_start(kind, what):
            self._plan()

    def _may_start(self, kind: _Kind, what: Any) -> bool:
        """After what happened, something that waits may fit in what is free."""
        if kind is _Kind.SUBMIT:
            return self._cluster.may_start(self._nodes_of(self._trace.jobs[what]))
        return kind is not _Kind.END or self._cluster.may_start()

    def _step_as_the_controller_does(self) -> None:
        now = self._times[0][0]
        while self._times and self._times[0][0] == now:
            self._happen(*self._next())
        self._plan()

    def _next(self) -> tuple[_Kind, Any]:
        """Set the clock to what comes next, and take it."""
        moment, kind, order, what = heapq.heappop(self._times)
        self._cluster.now = moment
        run = self._runs.started.get(what) if kind in (_Kind.END, _Kind.STOP) else None
        if kind in (_Kind.END, _Kind.STOP) and (run is None or order not in (run.end, run.stop)):
            return _Kind.WAKE, None
        return kind, what

    def _happen(self, kind: _Kind, what: Any) -> None:
        if kind is _Kind.SUBMIT:
            self._submit(what)
        elif kind is _Kind.END and what in self._runs.array_of:
            self._end_task(what)
        elif kind is _Kind.END:
            self._end(what)
        elif kind is _Kind.STOP:
            self._stop(what)
        elif kind is _Kind.FAIL:
            self._fail(what)
        elif kind is _Kind.REPAIR:
            self._cluster.repair(what)
            self._later(self._cluster.now + self._works_s(), _Kind.FAIL, what)
        elif self._flock and kind is _Kind.GONE:
            self._flock.end(what)
        elif self._flock and kind is _Kind.CANARIES:
            self._later_gone(self._flock.begin())
            self._later(self._flock.next(), _Kind.CANARIES, None)

    def _later_gone(self, canaries: Iterable[tuple[float, int]]) -> None:
        for moment, number in canaries:
            self._later(moment, _Kind.GONE, number)

    def _submit(self, place: int) -> None:
        self._submits -= 1
        self._runs.busy_at = self._cluster.now
        job = self._trace.jobs[place]
        try:
            job_id = self._cluster.submit(place, spec_of(job, self._nodes_of(job), self._setting.site, self._runs.begin_again))
        except (InvalidValue, Infeasible, QueueFull) as error:
            self._refused[error.line] += 1
            return
        self._runs.places[job_id] = place

    def _nodes_of(self, job: TraceJob) -> int:
        return node_count(job.processors, self._setting.node_processors)

    def _plan(self) -> None:
        for event in self._cluster.turn():
            if isinstance(event, AllocationGranted):
                self._begin(event)
            elif isinstance(event, WorkerGranted):
                self._begin_worker(event)
            elif isinstance(event, JobResumed):
                self._go_on(event)
            else:
                self._give_up(event)
        if self._cluster.preempts:
            self._wake()
        if self._flock:
            self._later_gone(self._flock.make_way())

    def _begin(self, event: AllocationGranted) -> None:
        ends = event.time + self._trace.jobs[self._runs.places[event.job_id]].run
        self._runs.busy_at = event.time
        self._runs.started[event.job_id] = Run(event.time, ends, self._later(ends, _Kind.END, event.job_id))

    def _begin_worker(self, event: WorkerGranted) -> None:
        self._runs.busy_at = event.time
        self._runs.array_of[event.worker_id] = event.job_id
        self._runs.started[event.worker_id] = Run(event.time, math.inf, 0)
        self._run_task(event.worker_id)

    def _run_task(self, worker_id: int) -> bool:
        """False: it has none."""
        if self._cluster.task(worker_id) is None:
            return False
        job, run = self._trace.jobs[self._runs.places[self._runs.array_of[worker_id]]], self._runs.started[worker_id]
        run.ends = self._cluster.now + job.run
        run.end = self._later(run.ends, _Kind.END, worker_id)
        return True

    def _end_task(self, worker_id: int) -> bool:
        """And run the next one; False: there is none for it, and its node is free."""
        array_id, position = self._runs.array_of[worker_id], self._cluster.task(worker_id)
        assert position is not None
        began = self._cluster.now - self._trace.jobs[self._runs.places[array_id]].run
        self._cluster.end_task(worker_id, array_id, position, began)
        self._runs.note()
        return worker_id in self._runs.array_of and self._run_task(worker_id)

    def _give_up(self, event: JobPreempted) -> None:
        """Frozen at once, or at its end after its grace, all of which it takes."""
        self._preemptions += 1
        run = self._runs.started[event.job_id]
        if event.mode is PreemptMode.SUSPEND:
            run.freeze(event.time)
        else:
            run.stop = self._later(event.time + event.grace_s, _Kind.STOP, event.job_id)

    def _go_on(self, event: JobResumed) -> None:
        run = self._runs.started[event.job_id]
        run.thaw(event.time, self._later(event.time + run.left_s, _Kind.END, event.job_id))

    def _wake(self) -> None:
        """Plan when time alone makes a job wait again or go on."""
        at = self._cluster.next_time()
        if self._cluster.now < at < math.inf and at != self._woken_at:
            self._woken_at = at
            self._later(at, _Kind.WAKE, None)

    def _end(self, job_id: int) -> None:
        cut = self._trace.jobs[self._runs.places[job_id]].cut
        self._cluster.end(job_id, EndCause.TIMEOUT if cut else EndCause.EXIT)
        self._runs.note()

    def _stop(self, job_id: int) -> None:
        self._cluster.end(job_id, EndCause.CANCELLED)
        self._runs.note()

    def _fail(self, name: str) -> None:
        self._failures += 1
        self._cluster.fail(name)
        self._later(self._cluster.now + self._away_s(), _Kind.REPAIR, name)
        self._runs.note()

    def _later(self, moment: float, kind: _Kind, what: Any) -> int:
        """The order of the entry."""
        heapq.heappush(self._times, (moment, kind, self._count, what))
        self._count += 1
        return self._count - 1

    def _waits(self) -> bool:
        """Nothing runs and nothing comes, but jobs wait: look again later, as time may help them, but not for ever."""
        idle_s = self._cluster.now - self._runs.busy_at
        if idle_s > MAX_IDLE_S:
            return False
        if self._runs.places and not any(kind in (_Kind.REPAIR, _Kind.WAKE) for _, kind, _, _ in self._times):
            self._later(self._cluster.now + max(MIN_IDLE_S, idle_s), _Kind.WAKE, None)
        return True

    def _works_s(self) -> float:
        assert self._chance
        return self._chance.works_s()

    def _away_s(self) -> float:
        assert self._chance
        return self._chance.away_s()
