"""The fold: all that the controller knows, out of events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from hpcsched.model.container import DesiredContainer
from hpcsched.model.job import Job
from hpcsched.model.site import Site
from hpcsched.model.snapshot import Snapshot, Wait
from hpcsched.state import (
    certificate_handlers,
    change_handlers,
    clock_handlers,
    dump,
    events,
    invariants,
    job_handlers,
    node_handlers,
    preempt_handlers,
    requests,
    reservation_handlers,
    worker_handlers,
)
from hpcsched.state.arrays import end_those_over
from hpcsched.state.commands import Command, Replan
from hpcsched.state.desired import desired_on
from hpcsched.state.eligibility import next_time, why_blocked
from hpcsched.state.ranking import Ranking
from hpcsched.state.tables import Tables
from hpcsched.state.usage import LazyUsage, used, used_by_users, used_in_tables

_HANDLERS: Mapping[type, Callable[[Tables, Any], list[Command]]] = {
    events.ControllerStarted: node_handlers.controller_started,
    events.JobsSubmitted: job_handlers.jobs_submitted,
    events.CancelRequested: job_handlers.cancel_requested,
    events.JobHeld: job_handlers.job_held,
    events.JobReleased: job_handlers.job_released,
    events.AllocationGranted: job_handlers.allocation_granted,
    events.ContainerReported: job_handlers.container_reported,
    events.ContainerGone: job_handlers.container_gone,
    events.NodeRegistered: node_handlers.node_registered,
    events.NodeDisconnected: node_handlers.node_disconnected,
    events.NodeLost: node_handlers.node_lost,
    events.NodeDrained: node_handlers.node_drained,
    events.NodeResumed: node_handlers.node_resumed,
    events.NodeCertified: certificate_handlers.node_certified,
    events.CertificateRevoked: certificate_handlers.certificate_revoked,
    events.WorkerGranted: worker_handlers.worker_granted,
    events.SlotGranted: worker_handlers.slot_granted,
    events.WorkAssigned: worker_handlers.work_assigned,
    events.TasksCancelled: worker_handlers.tasks_cancelled,
    events.WorkReported: worker_handlers.work_reported,
    events.WorkerDismissed: worker_handlers.worker_dismissed,
    events.JobRequeued: change_handlers.job_requeued,
    events.JobSuspended: change_handlers.job_suspended,
    events.JobResumed: change_handlers.job_resumed,
    events.JobModified: change_handlers.job_modified,
    events.JobDropped: change_handlers.job_dropped,
    events.JobPreempted: preempt_handlers.job_preempted,
    events.ReservationMade: reservation_handlers.reservation_made,
    events.ReservationDeleted: reservation_handlers.reservation_deleted,
    events.ClockStepped: clock_handlers.clock_stepped,
    events.RequestServed: requests.request_served,
}


class State(Tables):
    """Same events, same state."""

    def __init__(self, site: Site | None = None) -> None:
        super().__init__(site)
        self._ranking = Ranking()

    def apply(self, event: events.Event) -> list[Command]:
        """What must be done once the event is durable. Never fails: a stale event changes nothing."""
        if event.time > self.last_time:
            self.last_time = event.time
            self.queue.go_on(event.time)
        arrivals = self.queue.arrivals
        commands = _HANDLERS[type(event)](self, event)
        if self.over:
            commands = [*commands, *end_those_over(self, event.time)]
        return commands if self.queue.arrivals == arrivals else [*commands, Replan()]

    def snapshot(self, now: float) -> Snapshot:
        """Jobs in the order of their priority, which is looked at again every `PERIOD_S`."""
        weights, usage = self.site.weights, LazyUsage(used, self, now)
        seen = max(now, self.last_time)
        pending = self.queue.ordered(seen, partial(self._rank, usage), changing=bool(weights.age or weights.fair_share))
        return self._scene(now, usage, pending, self.queue.ranks(), self.queue.ranked_at)

    def scene(self, now: float) -> Snapshot:
        """A snapshot without the jobs that wait."""
        return self._scene(now, LazyUsage(used, self, now), (), (), None)

    def _scene(
        self, now: float, usage: LazyUsage, pending: Sequence[Job], ranks: Sequence[float], ranked_at: float | None
    ) -> Snapshot:
        return Snapshot(
            now,
            tuple(self.nodes.values()),
            pending,
            tuple(self.active.values()),
            self.site,
            tuple(self.reservations.values()),
            usage,
            ranks,
            LazyUsage(used_in_tables, self, now),
            LazyUsage(used_by_users, self, now),
            ranked_at,
        )

    def _rank(self, usage: Mapping[tuple[str, str], float], jobs: Sequence[Job], now: float) -> Sequence[float]:
        return self._ranking.of(jobs, self.site, usage, now, len(self.nodes))

    def blocked(self, job_id: int, now: float) -> Wait | None:
        """Why a job that no plan looks at waits; None: it is no such job."""
        job = self.jobs.get(job_id)
        return why_blocked(self, job, now) if job else None

    def next_time(self, now: float) -> float | None:
        """When something changes by time alone."""
        return next_time(self, now)

    def desired(self, node: str) -> tuple[DesiredContainer, ...]:
        """All that shall run on that node; none for a node that is not known."""
        return desired_on(self, node)

    def check(self) -> None:
        """Raises AssertionError that names every broken invariant."""
        broken = invariants.broken(self)
        if broken:
            raise AssertionError("; ".join(broken))

    def dump(self) -> bytes:
        return dump.dump(self)

    @classmethod
    def load(cls, body: bytes, site: Site | None = None) -> State:
        """The state whose `dump` that was. Raises StoreCorrupt."""
        state = cls(site)
        dump.fill(state, body)
        return state
