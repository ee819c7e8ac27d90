"""What waiting jobs ask for, once for all that ask for the same, remembered between plans."""

from __future__ import annotations

import math
from collections.abc import Iterable

from hpcsched.model.job import Job, JobSpec
from hpcsched.model.snapshot import Wait

_MOST = 200_000


class Shape:
    """Jobs that the same nodes fit. `able`: a mask of ranks, as of the fleet's `epoch`.

    As of the plan `serial`: `room`, at least as many free nodes as jobs that end in time may have, `late_room`: that others may.
    """

    __slots__ = ("able", "epoch", "late_room", "room", "serial", "spec")

    def __init__(self, spec: JobSpec) -> None:
        self.spec = spec
        self.able = self.serial = self.room = self.late_room = 0
        self.epoch = -1


class Ask:
    """`nodes` to `most` nodes of a shape for at most `limit` seconds (infinite: no limit), for one owner.

    `wait`: why nobody who asks for this starts in the plan `serial`.
    """

    __slots__ = ("limit", "most", "nodes", "serial", "shape", "slots", "spec", "wait")

    def __init__(self, spec: JobSpec, shape: Shape, shared: bool) -> None:
        self.spec, self.shape = spec, shape
        self.nodes = 1 if spec.array else spec.nodes
        self.most = 1 if spec.array else max(spec.most_nodes, spec.nodes)
        self.limit = float(spec.time_limit_s) if spec.time_limit_s else math.inf
        self.slots = bool(spec.array) or (shared and is_small(spec))
        """It takes slots of worker containers."""
        self.serial = 0
        self.wait: Wait | None = None


def is_small(spec: JobSpec) -> bool:
    """One node, and it names a part of it."""
    asked = spec.resources
    counted = asked.cpus_per_node or asked.cores_per_node or asked.ntasks_per_node * asked.cpus_per_task
    return spec.nodes == 1 and spec.most_nodes == 1 and bool(counted)


class Asks:
    """Specs are told apart by identity: a job's stays the same object as long as it is not modified."""

    def __init__(self) -> None:
        self._of: dict[int, tuple[JobSpec, Ask]] = {}
        self._asks: dict[tuple[object, ...], Ask] = {}
        self._shapes: dict[tuple[object, ...], Shape] = {}
        self._shared: frozenset[str] = frozenset()

    def share(self, partitions: frozenset[str]) -> None:
        """From now on the small jobs of one owner may share nodes of these partitions."""
        if partitions != self._shared:
            self._clear()
            self._shared = partitions

    def of(self, job: Job) -> Ask:
        known = self._of.get(id(job.spec))
        return known[1] if known is not None and known[0] is job.spec else self._remember(job.spec)

    def of_all(self, jobs: Iterable[Job]) -> list[Ask]:
        known = self._of
        made = list[Ask]()
        for job in jobs:
            spec = job.spec
            found = known.get(id(spec))
            made.append(found[1] if found is not None and found[0] is spec else self._remember(spec))
        return made

    def _remember(self, spec: JobSpec) -> Ask:
        if len(self._of) >= _MOST:
            self._clear()
        shape = self._shape(spec)
        whose = (spec.user, spec.account, spec.qos, spec.reservation, bool(spec.array))
        key = (id(shape), spec.nodes, spec.max_nodes, spec.time_limit_s, *whose)
        ask = self._asks.get(key)
        if ask is None:
            ask = self._asks[key] = Ask(spec, shape, spec.partition in self._shared)
        self._of[id(spec)] = (spec, ask)
        return ask

    def _shape(self, spec: JobSpec) -> Shape:
        key = (spec.resources, spec.runtime, spec.partition, spec.constraint)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = Shape(spec)
        return shape

    def _clear(self) -> None:
        self._of.clear()
        self._asks.clear()
        self._shapes.clear()
