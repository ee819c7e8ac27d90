"""Reservations as sets of nodes that they keep from a job."""

from __future__ import annotations

from collections.abc import Sequence

from hpcsched.model.job import JobSpec
from hpcsched.model.reservation import Reservation
from hpcsched.sched.fleet import Fleet
from hpcsched.sched.reserved import may_use, window

EVERYTHING = -1
"""A mask of all nodes."""


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
        """(mask of nodes, start, end) of those that are not over: the present or next time of each."""
        found = ((mask, window(item, now)) for item, mask in self._all)
        return [(mask, one.start, one.end) for mask, one in found if one]
