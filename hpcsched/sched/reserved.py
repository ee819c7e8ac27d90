"""Which nodes a job may have, and until when, because of reservations.

Windows repeat in Unix seconds: daily is every 86,400 s, and summer time moves them by an hour on the wall.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hpcsched.model.job import Job, JobSpec, Reason
from hpcsched.model.reservation import Repeat, Reservation
from hpcsched.model.snapshot import Wait

PERIODS: Mapping[Repeat, float] = {
    Repeat.NEVER: math.inf,
    Repeat.HOURLY: 3600.0,
    Repeat.DAILY: 86400.0,
    Repeat.WEEKLY: 7 * 86400.0,
}


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` until before `end`, in Unix seconds."""

    start: float
    end: float


def window(reservation: Reservation, now: float) -> Window | None:
    """Its present window, or its next; None: it is over."""
    start, end = reservation.start, reservation.end
    if now < end:
        return Window(start, end)
    period = PERIODS[reservation.repeat]
    if math.isinf(period):
        return None
    times = math.floor((now - end) / period) + 1
    return Window(start + times * period, end + times * period)


def overlap(one: Reservation, other: Reservation) -> bool:
    """They share a moment, now or ever. Each period holds any shorter one a whole number of times, so one window tells."""
    often, seldom = sorted((one, other), key=lambda reservation: PERIODS[reservation.repeat])
    first = window(seldom, often.start)
    mine = window(often, first.start) if first else None
    return first is not None and mine is not None and mine.start < first.end


def horizon(spec: JobSpec, now: float) -> float:
    """When the job would end at the latest if it started now; without a limit, never."""
    return now + spec.time_limit_s if spec.time_limit_s else math.inf


def may_use(reservation: Reservation, spec: JobSpec) -> bool:
    """Where it names users and accounts, both must be right; where it names neither, everyone may."""
    if reservation.maintenance:
        return False
    return (not reservation.users or spec.user in reservation.users) and (
        not reservation.accounts or spec.account in reservation.accounts
    )


class Reserved:
    """Reservations as they stand at `now`."""

    def __init__(self, reservations: Sequence[Reservation], now: float) -> None:
        self._now = now
        self._known: dict[str, Reservation] = {}
        self._windows: dict[str, Window] = {}
        self._nodes: dict[str, frozenset[str]] = {}
        self._blocks: dict[str, list[tuple[float, str]]] = {}
        if reservations:
            self._fill(reservations, now)

    def _fill(self, reservations: Sequence[Reservation], now: float) -> None:
        self._known = {item.name: item for item in reservations}
        self._windows = {name: found for name, item in self._known.items() if (found := window(item, now))}
        self._nodes = {name: frozenset(self._known[name].nodes) for name in self._windows}
        for name, found in sorted(self._windows.items(), key=lambda pair: (pair[1].start, pair[0])):
            for node in self._nodes[name]:
                self._blocks.setdefault(node, []).append((found.start, name))

    def __bool__(self) -> bool:
        """There is one that is not over."""
        return bool(self._windows)

    def allows(self, job: Job, node: str, until: float) -> bool:
        """The job may have that node from now until then."""
        own = job.spec.reservation
        if own:
            found = self._windows.get(own)
            if found is None or not self._inside(job, found, until) or node not in self._nodes[own]:
                return False
        blocks = self._blocks.get(node)
        return blocks is None or until <= next((start for start, name in blocks if name != own), math.inf)

    def _inside(self, job: Job, found: Window, until: float) -> bool:
        return found.start <= self._now and until <= found.end and may_use(self._known[job.spec.reservation], job.spec)

    def holder(self, node: str) -> str:
        """The reservation that holds the node now; empty: none."""
        return next((name for start, name in self._blocks.get(node, ()) if start <= self._now), "")

    def next_start(self, node: str, but: str = "") -> float:
        """When the next or present window on that node begins, the reservation `but` left out; infinity: never."""
        return next((start for start, name in self._blocks.get(node, ()) if name != but), math.inf)

    def next_edge(self, now: float) -> float:
        """When the first window after `now` begins or ends; infinity: none does."""
        edges = (edge for found in self._windows.values() for edge in (found.start, found.end))
        return min((edge for edge in edges if edge > now), default=math.inf)

    def why_not(self, job: Job, names: Iterable[str] = ()) -> Wait | None:
        """Why the job may not start now: by the reservation that it names, or because others hold all of the nodes `names`."""
        if job.spec.reservation:
            fault = self._own_fault(job, job.spec.reservation)
            if fault:
                return Wait(Reason.RESERVATION, fault)
        return self._others(job, tuple(names))

    def _own_fault(self, job: Job, name: str) -> str:
        item, found = self._known.get(name), self._windows.get(name)
        if item is None or found is None:
            return f"reservation {name} is over or deleted: name another one with `hpcsched update {job.id} --reservation NAME`"
        if not may_use(item, job.spec):
            return f"reservation {name} is not for {_who(job.spec, item)}"
        if self._now < found.start:
            return f"reservation {name} begins at {moment(found.start)}"
        return "" if horizon(job.spec, self._now) <= found.end else _too_long(job.spec, name, found)

    def _others(self, job: Job, names: tuple[str, ...]) -> Wait | None:
        until = horizon(job.spec, self._now)
        if not names or any(self.allows(job, name, until) for name in names):
            return None
        own = job.spec.reservation
        blocks = [(start, name, node) for node in names for start, name in self._blocks.get(node, ()) if name != own]
        if not blocks:
            return None
        start, holder, node = min(blocks)
        held = f"reservation {holder} holds node {node} from {moment(start)} to {moment(self._windows[holder].end)}"
        if start > self._now:
            held += "; a time limit (-t) that ends before would let it start"
        return Wait(Reason.RESERVATION, held)


def _who(spec: JobSpec, item: Reservation) -> str:
    if item.maintenance:
        return "jobs: it is for maintenance"
    return f"user {spec.user or 'unknown'} with account {spec.account or 'default'}"


def _too_long(spec: JobSpec, name: str, found: Window) -> str:
    hint = "a shorter time limit" if spec.time_limit_s else "a time limit (-t)"
    return f"reservation {name} ends at {moment(found.end)}, before the job would: give it {hint}"


def moment(time: float) -> str:
    """A time for people, in UTC, which is the same for all who read it."""
    return datetime.fromtimestamp(time, UTC).isoformat(" ", "seconds")[:19] + " UTC"
