"""The nodes of a cluster as one job sees them: which it may start on, and what keeps it from the others."""

from __future__ import annotations

from collections.abc import Iterator

from hpcsched.model.explanation import NodeGroup
from hpcsched.model.job import Job, JobSpec
from hpcsched.model.node import Node, NodeOffer
from hpcsched.model.snapshot import Snapshot
from hpcsched.sched.constraint import matches, parse
from hpcsched.sched.fit import Fitter
from hpcsched.sched.nodelist import left_out
from hpcsched.sched.partitions import Partitions
from hpcsched.sched.quantities import quantities
from hpcsched.sched.reserved import Reserved, horizon

MOST_NAMES = 5
FREE, BUSY, CLEANING = "free", "busy", "being cleaned up"


def survey(job: Job, snapshot: Snapshot, fitter: Fitter) -> tuple[NodeGroup, ...]:
    """Groups of all nodes: those that are usable first, then the busy ones, then what it can never run on."""
    judge = _Judge(job, snapshot, fitter)
    found: dict[str, list[str]] = {}
    for node in snapshot.nodes:
        found.setdefault(judge.verdict(node), []).append(node.name)
    order = {FREE: 0, BUSY: 1, CLEANING: 2}
    return tuple(
        NodeGroup(what, len(names), tuple(sorted(names)[:MOST_NAMES]), what == FREE)
        for what, names in sorted(found.items(), key=lambda item: (order.get(item[0], 9), -len(item[1]), item[0]))
    )


class _Judge:
    def __init__(self, job: Job, snapshot: Snapshot, fitter: Fitter) -> None:
        self._job, self._fitter = job, fitter
        self._members = Partitions(snapshot.site, snapshot.nodes).nodes_of(job.spec.partition)
        self._constraint = parse(job.spec.constraint)
        self._reserved = Reserved(snapshot.reservations, snapshot.now)
        self._until = horizon(job.spec, snapshot.now)
        self._lacks: dict[int, str] = {}

    def verdict(self, node: Node) -> str:
        """The first thing that keeps the job from it."""
        return (
            self._unfit(node.offer) or left_out(self._job.spec, node) or _out_of_service(node) or self._held(node) or _taken(node)
        )

    def _unfit(self, offer: NodeOffer) -> str:
        spec = self._job.spec
        if offer.name not in self._members:
            return f"not in partition {spec.partition or 'default'}"
        if not matches(self._constraint, offer.features):
            return f"without the features {spec.constraint}"
        kind = self._fitter.kind(offer)
        if kind.fit(spec) is not None:
            return ""
        if id(kind) not in self._lacks:
            self._lacks[id(kind)] = _lack(spec, offer)
        return self._lacks[id(kind)]

    def _held(self, node: Node) -> str:
        if self._reserved.allows(self._job, node.name, self._until):
            return ""
        holder = self._reserved.holder(node.name)
        if holder and holder != self._job.spec.reservation:
            return f"reserved ({holder})"
        if self._job.spec.reservation:
            return f"not now in reservation {self._job.spec.reservation}"
        return "reserved from before it would end"


def _out_of_service(node: Node) -> str:
    if node.down:
        return "down"
    if node.drain_reason:
        return "drained"
    return "" if node.connected else "not connected"


def _taken(node: Node) -> str:
    if node.job_id is not None or node.suspended:
        return BUSY
    return CLEANING if node.cleaning else FREE


def _lack(spec: JobSpec, offer: NodeOffer) -> str:
    """What of the request the node cannot give."""
    if spec.runtime not in offer.runtimes:
        return f"without runtime {spec.runtime}"
    if spec.resources.tuning not in ("", *offer.tunings):
        return f"without tuning {spec.resources.tuning}"
    lacks = list(_too_little(spec, offer))
    return f"too small: {' and '.join(lacks)}" if lacks else "does not fit: each quantity does, but not all together"


def _too_little(spec: JobSpec, offer: NodeOffer) -> Iterator[str]:
    for ask in quantities(spec.resources, offer):
        if ask.share < 1:
            yield f"{ask.given} for {ask.asked}"
