"""Reservations as sets of nodes that they keep from a job."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from hpcsched.model.job import JobSpec
from hpcsched.model.reservation import Repeat, Reservation
from hpcsched.sched.fleet import Fleet
from hpcsched.sched.reserved import may_use, window

EVERYTHING = -1
"""A mask of all nodes."""
HORIZON_S = 7 * 86400.0
"""So far ahead starts are promised between the windows of reservations that repeat."""


class Closures:
    def __init__(self, reservations: Sequence[Reservation], fleet: Fleet) -> None:
        self._all = [(item, fleet.mask(item.nodes)) for item in reservations]
        self._named = {item.name: (item, mask) for item, mask in self._all}

    def __bool__(self) -> bool:
        return bool(self._all)

    def closed(self, spec: JobSpec, start: float, until: float) -> int:
        """A mask of the nodes that the job may not have from `start` to `until`."""
        shut = ~self._own(spec, start, until) if spec.reservation else 0
        for item, mask in self._all:
            if item.name != spec.reservation:
                found = window(item, start)
                if found is not None and found.start < until:
                    shut |= mask
        return shut

    def _own(self, spec: JobSpec, start: float, until: float) -> int:
        item, mask = self._named.get(spec.reservation, (None, 0))
        found = window(item, start) if item else None
        if item is None or found is None or not may_use(item, spec):
            return 0
        return mask if found.start <= start and until <= found.end else 0

    def edges(self, now: float) -> list[float]:
        """Times after `now` at which a present or next window begins or ends."""
        found = (window(item, now) for item, _ in self._all)
        return sorted({edge for one in found if one for edge in (one.start, one.end) if edge > now})

    def windows(self, now: float) -> list[tuple[int, float, float]]:
        """(mask of nodes, start, end) of those that are not over, and that begin within the horizon. The nodes of one that comes
        again later count as closed from its first window behind that.
        """
        return [(mask, start, end) for item, mask in self._all for start, end in _windows(item, now)]


def _windows(item: Reservation, now: float) -> Iterator[tuple[float, float]]:
    found = window(item, now)
    while found is not None:
        if item.repeat is not Repeat.NEVER and found.start > now + HORIZON_S:
            yield found.start, math.inf
            return
        yield found.start, found.end
        found = window(item, found.end)
