"""The fold: all that the controller knows, out of events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hpcsched.model.container import DesiredContainer
from hpcsched.model.snapshot import Snapshot
from hpcsched.state import (
    change_handlers,
    dump,
    events,
    invariants,
    job_handlers,
    node_handlers,
    preempt_handlers,
    reservation_handlers,
    worker_handlers,
)
from hpcsched.state.commands import Command
from hpcsched.state.desired import desired_container
from hpcsched.state.tables import Tables

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
    events.WorkerGranted: worker_handlers.worker_granted,
    events.SlotGranted: worker_handlers.slot_granted,
    events.WorkAssigned: worker_handlers.work_assigned,
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
}


class State(Tables):
    """Same events, same state."""

    def apply(self, event: events.Event) -> list[Command]:
        """What must be done once the event is durable. Never fails: a stale event changes nothing."""
        self.last_time = max(self.last_time, event.time)
        return _HANDLERS[type(event)](self, event)

    def snapshot(self, now: float) -> Snapshot:
        return Snapshot(now, tuple(self.nodes.values()), self.queue.ordered(), tuple(self.active.values()))

    def desired(self, node: str) -> tuple[DesiredContainer, ...]:
        """All that shall run on that node; none for a node that is not known."""
        known = self.nodes.get(node)
        job = self.active.get(known.job_id) if known and known.job_id is not None else None
        wanted = desired_container(job, known) if known and job else None
        return (wanted,) if wanted else ()

    def check(self) -> None:
        """Raises AssertionError that names every broken invariant."""
        broken = invariants.broken(self)
        if broken:
            raise AssertionError("; ".join(broken))

    def dump(self) -> bytes:
        return dump.dump(self)

    @classmethod
    def load(cls, body: bytes) -> State:
        """The state whose `dump` that was. Raises StoreCorrupt."""
        state = cls()
        dump.fill(state, body)
        return state
