"""What waiting jobs ask for, once for all that ask for the same, remembered between plans."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hpcsched.model.job import Job, JobSpec
from hpcsched.model.site import Site
from hpcsched.model.snapshot import Wait
from hpcsched.sched.packing import is_small
from hpcsched.sched.partitions import partition_of
from hpcsched.sched.waiting import Columns, Words, shape_of
from hpcsched.sched.waiting import Shape as ShapeKey

_MOST = 200_000


class Shape:
    """Jobs that the same nodes fit. `able`: a mask of ranks, as of the fleet's `epoch`.

    As of the plan `serial`: `room`, at least as many free nodes as jobs that end in time may have, `late_room`: that others may.
    """

    __slots__ = ("able", "epoch", "late_room", "room", "serial", "spec")

    def __init__(self, key: ShapeKey) -> None:
        resources, runtime, partition, constraint = key
        self.spec = JobSpec(resources=resources, runtime=runtime, partition=partition, constraint=constraint)
        self.able = self.serial = self.room = self.late_room = 0
        self.epoch = -1


class Ask:
    """`nodes` to `most` nodes of a shape for at most `limit` seconds (infinite: no limit), for one owner.

    `plain`: where the site has settled nothing and nothing is reserved, nothing could keep it. `wait`: why nobody who asks for
    this starts in the plan `serial`; in the plan `full` no worker has a slot for it.
    """

    __slots__ = ("full", "limit", "most", "nodes", "plain", "serial", "shape", "slots", "spec", "wait")

    def __init__(self, spec: JobSpec, shape: Shape, small: bool) -> None:
        self.spec, self.shape = spec, shape
        self.nodes = 1 if spec.array else spec.nodes
        self.most = 1 if spec.array else max(spec.most_nodes, spec.nodes)
        self.limit = float(spec.time_limit_s) if spec.time_limit_s else math.inf
        self.slots = bool(spec.array) or small
        """It takes slots of worker containers."""
        self.plain = not (spec.partition or spec.qos or spec.reservation or spec.array)
        self.serial = self.full = 0
        self.wait: Wait | None = None


class Asks:
    """Specs are told apart by identity: a job's stays the same object as long as it is not modified."""

    def __init__(self) -> None:
        self._of: dict[int, tuple[JobSpec, Ask]] = {}
        self._asks: dict[tuple[object, ...], Ask] = {}
        self._shapes: dict[ShapeKey, Shape] = {}
        self._site = Site()
        self._words: tuple[Words | None, list[Shape]] = (None, [])

    def settle(self, site: Site) -> None:
        """Forget what held for another site."""
        self._clear()
        self._site = site

    def tidy(self) -> None:
        """Forget all when it is much. Within a plan nothing is forgotten."""
        if len(self._of) >= _MOST:
            self._clear()

    def of(self, job: Job) -> Ask:
        known = self._of.get(id(job.spec))
        return known[1] if known is not None and known[0] is job.spec else self._remember(job.spec)

    def shapes(self, columns: Columns) -> list[Shape]:
        """By their numbers in these columns."""
        words = columns.words["shape"]
        if self._words[0] is not words:
            self._words = (words, [])
        known = self._words[1]
        for key in words.all()[len(known) :] if len(words) > len(known) else ():
            known.append(self._shape(key))
        return known

    def of_each(self, jobs: Sequence[Job]) -> list[Ask]:
        """In their order."""
        known, made = self._of, list[Ask]()
        for job in jobs:
            spec = job.spec
            found = known.get(id(spec))
            made.append(found[1] if found is not None and found[0] is spec else self._remember(spec))
        return made

    def _remember(self, spec: JobSpec) -> Ask:
        shape = self._shape(shape_of(spec))
        whose = (spec.user, spec.account, spec.qos, spec.reservation, spec.image, spec.mounts, bool(spec.array))
        key = (id(shape), spec.nodes, spec.max_nodes, spec.time_limit_s, *whose)
        ask = self._asks.get(key)
        if ask is None:
            ask = self._asks[key] = Ask(spec, shape, is_small(spec, partition_of(self._site, spec.partition)))
        self._of[id(spec)] = (spec, ask)
        return ask

    def _shape(self, key: ShapeKey) -> Shape:
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = Shape(key)
        return shape

    def _clear(self) -> None:
        self._words = (None, [])
        self._of.clear()
        self._asks.clear()
        self._shapes.clear()
