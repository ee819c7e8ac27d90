"""What keeps a job from being looked at by a plan, and when time alone changes that. Times are Unix seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from hpcsched.model.job import Job, JobState, Reason
from hpcsched.model.snapshot import Wait
from hpcsched.sched.reserved import window
from hpcsched.state import preempting
from hpcsched.state.dependencies import Needs, whole_needs
from hpcsched.state.tables import Tables

PERIOD_S = 60.0
"""How often a plan is made although nothing happened, where fair share or limits on node hours change with time."""
_AFTER_S = 1e-3


def why_blocked(tables: Tables, job: Job, now: float) -> Wait | None:
    """None for one that only waits for nodes, or does not wait."""
    if job.held:
        return Wait(Reason.JOB_HELD, job.message)
    if job.state is not JobState.PENDING:
        return None
    needs = whole_needs(tables, job)
    if needs and needs.blocks:
        return _unmet(job.id, needs)
    if tables.is_leaving(job):
        return Wait(Reason.REQ_NODE_NOT_AVAIL, "waits until its last run is gone from its nodes")
    return Wait(Reason.BEGIN_TIME, f"begins at {_moment(job.eligible_time)} or later") if job.eligible_time > now else None


def _unmet(job_id: int, needs: Needs) -> Wait:
    if needs.never:
        return never_met(job_id, needs)
    which = (" or " if needs.one_is_enough else ", ").join(map(str, needs.open[:10]))
    return Wait(Reason.DEPENDENCY, f"waits for {which}" + (" and others" if len(needs.open) > 10 else ""))


def never_met(job_id: int, needs: Needs) -> Wait:
    """Why, and what the user may do about it."""
    mend = f"cancel the job, or change that (`hpcsched update {job_id} --after ...`)"
    return Wait(Reason.DEPENDENCY_NEVER, f"{needs.never}: {mend}")


def _moment(time: float) -> str:
    return datetime.fromtimestamp(min(time, 253402300799.0), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def next_time(tables: Tables, now: float) -> float | None:
    """When something changes by time alone; a time that is past has not been planned for yet."""
    tables.queue.move_to(max(now, tables.last_time))
    return min(_times(tables, now), default=None)


def _times(tables: Tables, now: float) -> Iterator[float]:
    eligible, latest = tables.queue.next_time(), tables.deadlines.next()
    if eligible is not None:
        yield eligible
    if latest is not None:
        yield latest + _AFTER_S
    yield from _reservation_edges(tables, now)
    if len(tables.queue) and tables.queue.read_at is not None and _changes_with_time(tables):
        yield tables.queue.read_at + PERIOD_S


def _reservation_edges(tables: Tables, now: float) -> Iterator[float]:
    """The end of one that is over has not been heeded yet."""
    for item in tables.reservations.values():
        found = window(item, now)
        yield from (edge for edge in (found.start, found.end) if edge > now) if found else (item.end,)
    going_on = preempting.next_time(tables, now)
    if going_on < math.inf:
        yield going_on


def _changes_with_time(tables: Tables) -> bool:
    site = tables.site
    limits = [item.limits for owners in (site.partitions, site.qos, site.accounts) for item in owners]
    return site.weights.fair_share > 0 or any(item.max_node_hours or item.max_node_hours_per_user for item in limits)
