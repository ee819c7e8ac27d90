"""The nodes as sets that are quick to intersect, kept from plan to plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from operator import is_not

from hpcsched.model.allocation import Allocation
from hpcsched.model.job import Job
from hpcsched.model.node import Node, NodeOffer
from hpcsched.sched import bits
from hpcsched.sched.kind import Kind


def in_service(node: Node) -> bool:
    """It could take a job, now or when it is free."""
    return node.connected and not node.down and not node.drain_reason


def is_free(node: Node) -> bool:
    """Nothing runs there, is being cleaned up or waits there frozen."""
    return node.job_id is None and not node.cleaning and not node.suspended


class Fleet:
    """`names` by rank, which is their order; `serving`, `free` (both in service), `canaries` (nodes that have one): masks of
    ranks (see `bits`).

    `epoch` goes up whenever nodes come, go, offer something else or are certified: what was derived from that is void then.
    """

    def __init__(self, kind: Callable[[NodeOffer], Kind]) -> None:
        self._kind = kind
        self._seen: Sequence[Node] = ()
        self._ranks: list[int] = []
        self._masks: dict[int, tuple[Allocation, int]] = {}
        self.names: list[str] = []
        self.nodes: list[Node] = []
        self.kinds: dict[Kind, int] = {}
        self._kind_of: list[Kind] = []
        self._rank_of: dict[str, int] = {}
        self.serving = self.free = self.canaries = self.epoch = 0

    def update(self, nodes: Sequence[Node]) -> None:
        """Look at those nodes that are other objects than last time."""
        if nodes is self._seen:
            return
        seen, self._seen = self._seen, nodes
        if len(nodes) != len(seen):
            self._rebuild(nodes)
            return
        for place in compress(range(len(nodes)), map(is_not, nodes, seen)):
            if nodes[place].name != seen[place].name:
                self._rebuild(nodes)
                return
            self._put(self._ranks[place], nodes[place])

    def kind_of(self, rank: int) -> Kind:
        return self._kind_of[rank]

    def offer(self, name: str) -> NodeOffer:
        return self.nodes[self._rank_of[name]].offer

    def mask(self, names: Iterable[str]) -> int:
        """Names that are not known are left out."""
        places = self._rank_of
        return bits.of(places[name] for name in names if name in places)

    def mask_of(self, job: Job) -> int:
        """The nodes of its allocation."""
        allocation = job.allocation
        if allocation is None:
            return 0
        known = self._masks.get(job.id)
        if known is None or known[0] is not allocation:
            known = self._masks[job.id] = (allocation, self.mask(part.node for part in allocation.bindings))
        return known[1]

    def forget_ended(self, running: Sequence[Job]) -> None:
        """Keep no more than twice what is needed."""
        if len(self._masks) > 2 * len(running) + 100:
            alive = {job.id for job in running}
            self._masks = {number: known for number, known in self._masks.items() if number in alive}

    def _rebuild(self, nodes: Sequence[Node]) -> None:
        order = sorted(range(len(nodes)), key=lambda place: nodes[place].offer.name)
        self._ranks = [0] * len(nodes)
        for rank, place in enumerate(order):
            self._ranks[place] = rank
        self.nodes = [nodes[place] for place in order]
        self.names = [node.name for node in self.nodes]
        self._rank_of = {name: rank for rank, name in enumerate(self.names)}
        self._kind_of = [self._kind(node.offer) for node in self.nodes]
        places: dict[Kind, list[int]] = {}
        for rank, kind in enumerate(self._kind_of):
            places.setdefault(kind, []).append(rank)
        self.kinds = {kind: bits.of(members) for kind, members in places.items()}
        self.serving = bits.of(rank for rank, node in enumerate(self.nodes) if in_service(node))
        self.free = self.serving & bits.of(rank for rank, node in enumerate(self.nodes) if is_free(node))
        self.canaries = bits.of(rank for rank, node in enumerate(self.nodes) if node.canary)
        self._masks.clear()
        self.epoch += 1

    def _put(self, rank: int, node: Node) -> None:
        bit = 1 << rank
        if node.offer is not self.nodes[rank].offer:
            self._change_kind(rank, bit, self._kind(node.offer))
        if node.certified is not self.nodes[rank].certified:
            self.epoch += 1
        self.nodes[rank] = node
        serves = in_service(node)
        self.serving = self.serving | bit if serves else self.serving & ~bit
        self.free = self.free | bit if serves and is_free(node) else self.free & ~bit
        self.canaries = self.canaries | bit if node.canary else self.canaries & ~bit

    def _change_kind(self, rank: int, bit: int, kind: Kind) -> None:
        old = self._kind_of[rank]
        if kind is not old:
            self._kind_of[rank] = kind
            self.kinds[old] &= ~bit
            self.kinds[kind] = self.kinds.get(kind, 0) | bit
            self.epoch += 1
