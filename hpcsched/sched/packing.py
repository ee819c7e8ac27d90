"""Workers: how many tasks of an array run side by side on a node, and where a small job fits into a worker that there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.allocation import Allocation, Binding, HugePages, NodeBinding
from hpcsched.model.array import parse_array
from hpcsched.model.job import Job, JobSpec, ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.model.site import Partition
from hpcsched.model.snapshot import Start
from hpcsched.sched.binding import bind
from hpcsched.sched.kind import what_it_is
from hpcsched.sched.parts import beside, counted, side_by_side

MAX_SLOTS = 4096
_MOST = 10_000


def to_give(job: Job) -> int:
    """Tasks of an array that may be given out now: those that no worker has, as far as its throttle allows."""
    if job.array is None or job.held or job.cancel_requested:
        return 0
    throttle = parse_array(job.spec.array).throttle
    return min(job.array.left, max(0, throttle - job.array.out)) if throttle else job.array.left


def is_small(spec: JobSpec, partition: Partition | None) -> bool:
    """It may share its node with other jobs of its owner: it says how many cpus it takes, and a slot can give all it asks for."""
    asked = spec.resources
    alone = spec.nodes > 1 or spec.most_nodes > 1 or asked.ntasks_per_node > 1 or asked.hugepages or spec.array or spec.keep
    return bool(partition and partition.shared and counted(asked) and not alone)


def array_start(job: Job, offer: NodeOffer, left: int) -> Start | None:
    """A new worker on that free node for up to `left` tasks (`to_give`, less the slots of its other starts in the same plan);
    also for one small job, with `left` 1. None: not even one fits there. One plan may start several workers of an array.
    """
    if job.spec.runtime not in offer.runtimes or left < 1:
        return None
    slots = _known.slots(offer, job.spec.resources, min(left, len(offer.cpus), MAX_SLOTS))
    if not slots:
        return None
    whole = _known.whole(offer, job.spec.resources.tuning)
    return Start(job.id, Allocation((NodeBinding(offer.name, _with_pages(whole, slots)),)), slots)


def slot_start(job: Job, workers: Iterable[Job], offers: Mapping[str, NodeOffer]) -> Start | None:
    """A slot for a small job in the first of these workers that is its owner's and has room. `offers` by node name."""
    for worker in workers:
        offer = offers.get(worker.allocation.nodes[0]) if worker.allocation else None
        if offer is None or not takes(worker, job):
            continue
        slot = beside(offer, taken(worker), _alone(job.spec.resources))
        if slot is not None:
            return Start(job.id, Allocation((NodeBinding(offer.name, slot),)), worker=worker.id)
    return None


def takes(worker: Job, job: Job) -> bool:
    """The worker is the job's owner's, its container is the one that the job asks for, and it gets more work."""
    return worker.is_worker and not worker.dismissed and not worker.cancel_requested and owner(worker.spec) == owner(job.spec)


def owner(spec: JobSpec) -> tuple[object, ...]:
    """What jobs in one container have in common."""
    who = (spec.user, spec.account, spec.qos, spec.partition, spec.reservation)
    return (*who, spec.image, spec.runtime, spec.mounts, spec.resources.tuning)


def taken(worker: Job) -> tuple[Binding, ...]:
    """The slots of a worker that are in use."""
    return tuple(slot for work in worker.assigned for slot in work.slots)


def worker_spec(spec: JobSpec) -> JobSpec:
    """The spec of a worker for that job: its container and place in the queue, a whole node, no command and no limits."""
    return replace(
        spec,
        command=(),
        script=b"",
        name=f"worker-{spec.title}"[:128],
        resources=ResourceRequest(tuning=spec.resources.tuning),
        array="",
        dependency="",
        begin_time=0.0,
        deadline=0.0,
        stdout="",
        workdir="",
        max_nodes=0,
        hold=False,
        keep=False,
        requeue=False,
    )


def _with_pages(whole: Binding, slots: Sequence[Binding]) -> Binding:
    """The worker's container has the huge pages of its slots."""
    pages: dict[tuple[int, int], int] = {}
    for part in (part for slot in slots for part in slot.hugepages):
        pages[part.numa, part.size] = pages.get((part.numa, part.size), 0) + part.count
    return replace(whole, hugepages=tuple(HugePages(numa, size, count) for (numa, size), count in sorted(pages.items())))


def _alone(request: ResourceRequest) -> ResourceRequest:
    """Who shares a node gets the GPUs that it asks for, and none otherwise."""
    return replace(request, gpus_per_node=request.gpus_per_node or 0) if counted(request) else request


class _Known:
    """Answers for each kind of node, found once: nodes that are alike in all that bindings hang on share them."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[object, ...], int] = {}
        self._kind_of: dict[str, tuple[NodeOffer, int]] = {}
        self._slots: dict[tuple[int, ResourceRequest, int], tuple[Binding, ...]] = {}
        self._whole: dict[tuple[int, str], Binding] = {}

    def slots(self, offer: NodeOffer, request: ResourceRequest, most: int) -> tuple[Binding, ...]:
        key = (self._kind(offer), request, most)
        if key not in self._slots:
            self._slots[key] = _slots(offer, request, most)
        return self._slots[key]

    def whole(self, offer: NodeOffer, tuning: str) -> Binding:
        key = (self._kind(offer), tuning)
        if key not in self._whole:
            self._whole[key] = bind(offer, ResourceRequest(tuning=tuning))
        return self._whole[key]

    def _kind(self, offer: NodeOffer) -> int:
        known = self._kind_of.get(offer.name)
        if known is not None and known[0] is offer:
            return known[1]
        if max(len(self._slots), len(self._kind_of) // 10) >= _MOST:
            for table in (self._kinds, self._kind_of, self._slots, self._whole):
                table.clear()
        kind = self._kinds.setdefault(what_it_is(offer), len(self._kinds))
        self._kind_of[offer.name] = (offer, kind)
        return kind


def _slots(offer: NodeOffer, request: ResourceRequest, most: int) -> tuple[Binding, ...]:
    """With the fair share of the memory also where there is one slot only."""
    try:
        return side_by_side(offer, _alone(request), max(most, 2))[:most]
    except (Infeasible, InvalidValue):
        return ()


_known = _Known()
