"""What the jobs of a simulated trace have run so far, from when, with which breaks, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hpcsched.model.container import EndCause
from hpcsched.model.record import Record
from hpcsched.sim.cluster import Cluster
from hpcsched.sim.outcome import Ran, Span
from hpcsched.sim.trace import Trace

Progress = Callable[[int, int], None]
TELL_EVERY = 256


@dataclass(slots=True)
class Run:
    """Since `began`, until `ends` if nothing comes between. Orders are those of the engine's heap: `end` is of the entry that
    ends it (0: it is frozen), `stop` of the one that takes its nodes away (0: none does).
    """

    began: float
    ends: float
    end: int
    stop: int = 0
    left_s: float = 0.0
    """How long it has still to run, while it is frozen."""
    frozen_at: float = 0.0
    pauses: tuple[Span, ...] = ()

    def freeze(self, now: float) -> None:
        self.left_s, self.frozen_at, self.end = max(0.0, self.ends - now), now, 0

    def thaw(self, now: float, end: int) -> None:
        self._break_off(now)
        self.ends, self.end = now + self.left_s, end

    def over(self, now: float) -> tuple[Span, ...]:
        """Its breaks."""
        if not self.end:
            self._break_off(now)
        return self.pauses

    def _break_off(self, now: float) -> None:
        self.pauses = (*self.pauses, (self.frozen_at, now))


class Runs:
    """`places`: where live jobs are in the trace, by id. `started`: of jobs with nodes, by id. `array_of`: of workers, by id.
    `busy_at`: when a job came, began or ended last. `begin_again`: jobs may, after they ran in vain.
    """

    def __init__(self, trace: Trace, origin: float, cluster: Cluster, begin_again: bool, progress: Progress) -> None:
        self._trace, self._origin, self._cluster, self._progress = trace, origin, cluster, progress
        self.begin_again = begin_again
        self.places: dict[int, int] = {}
        self.started: dict[int, Run] = {}
        self.array_of: dict[int, int] = {}
        self.busy_at = cluster.now
        self._earlier: dict[int, tuple[Span, ...]] = {}
        """Of live jobs that ran in vain, by id."""
        self._shares: dict[int, list[Span]] = {}
        """Of live arrays, by id: when workers that are gone had nodes for them."""
        self._ran: dict[int, Ran] = {}

    def over(self) -> tuple[Ran, ...]:
        """In the order of the trace."""
        return tuple(self._ran[place] for place in sorted(self._ran))

    def note(self) -> None:
        """Keep what became of the jobs that have just ended, and of those that wait again."""
        for record in self._cluster.ended:
            if record.job.is_worker:
                self._close(record.job.id)
            else:
                self._keep(record)
        self._cluster.ended.clear()
        if self.begin_again:
            active, now = self._cluster.state.active, self._cluster.now
            for job_id in [job_id for job_id in self.started if job_id not in active]:
                run = self.started.pop(job_id)
                in_vain = Ran(self._trace.jobs[self.places[job_id]], run.began, now, pauses=run.over(now))
                self._earlier[job_id] = (*self._earlier.get(job_id, ()), *map(self._moved, in_vain.busy()))

    def _close(self, worker_id: int) -> None:
        """It has its node no more."""
        array_id, run, now = self.array_of.pop(worker_id, None), self.started.pop(worker_id, None), self._cluster.now
        if array_id is not None and run is not None:
            had = Ran(self._trace.jobs[0], run.began, now, pauses=run.over(now))
            self._shares.setdefault(array_id, []).extend(map(self._moved, had.spans()))

    def _keep(self, record: Record) -> None:
        job_id, now = record.job.id, self._cluster.now
        for worker_id in [worker_id for worker_id, array_id in self.array_of.items() if array_id == job_id]:
            self._close(worker_id)
        self.busy_at = now
        place = self.places.pop(job_id)
        run = self.started.pop(job_id, None) or Run(now, now, 1)
        lost = record.job.cause not in (EndCause.EXIT, EndCause.TIMEOUT)
        pauses = tuple(map(self._moved, run.over(now)))
        shares = tuple(self._shares.pop(job_id, ()))
        start, end = self._moved((run.began, now))
        start, lost = (min(shares)[0], not record.job.array.done) if shares and record.job.array else (start, lost)
        self._ran[place] = Ran(self._trace.jobs[place], start, end, lost, self._earlier.pop(job_id, ()), pauses, shares)
        if len(self._ran) % TELL_EVERY == 0:
            self._progress(len(self._ran), len(self._trace.jobs))

    def _moved(self, span: Span) -> Span:
        """By the trace's clock."""
        return span[0] - self._origin, span[1] - self._origin
