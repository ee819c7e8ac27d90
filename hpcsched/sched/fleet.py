"""The nodes as sets that are quick to intersect, kept from plan to plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from operator import is_not

from hpcsched.model.allocation import Allocation, Binding, NodeBinding
from hpcsched.model.job import Job
from hpcsched.model.node import Node, NodeOffer
from hpcsched.sched import bits
from hpcsched.sched.kind import Kind

_MOST_PARTS = 100_000


def in_service(node: Node) -> bool:
    """It could take a job, now or when it is free."""
    return node.connected and not node.down and not node.drain_reason


def is_free(node: Node) -> bool:
    """Nothing runs there, is being cleaned up or waits there frozen."""
    return node.job_id is None and not node.cleaning and not node.suspended


class Parts(dict[int, NodeBinding]):
    """By rank, made when they are asked for first."""

    def __init__(self, names: Sequence[str], binding: Binding) -> None:
        self._names, self.binding = names, binding

    def __missing__(self, rank: int) -> NodeBinding:
        part = self[rank] = NodeBinding(self._names[rank], self.binding)
        return part


class Fleet:
    """`names` by rank, which is their order; `serving`, `free` (both in service), `canaries` (nodes that have one): masks of
    ranks (see `bits`).

    `epoch` goes up whenever nodes come, go, offer something else or are certified: what was derived from that is void then.
    `measured` goes up whenever canaries find that one is not as fast as it was.
    """

    def __init__(self, kind: Callable[[NodeOffer], Kind]) -> None:
        self._kind = kind
        self._seen: Sequence[Node] = ()
        self._ranks: list[int] = []
        self._masks: dict[int, tuple[Allocation, int]] = {}
        self._parts: dict[int, Parts] = {}
        self.names: list[str] = []
        self.nodes: list[Node] = []
        self.kinds: dict[Kind, int] = {}
        self._kind_of: list[Kind] = []
        self._rank_of: dict[str, int] = {}
        self.serving = self.free = self.canaries = self.epoch = self.measured = 0

    def update(self, nodes: Sequence[Node]) -> None:
        """Look at those nodes that are other objects than last time."""
        if nodes is self._seen:
            return
        seen, self._seen = self._seen, nodes
        if len(nodes) != len(seen):
            self._rebuild(nodes)
            return
        ranks, known, serving, free = self._ranks, self.nodes, self.serving, self.free
        canaries = self.canaries
        for place in compress(range(len(nodes)), map(is_not, nodes, seen)):
            node, rank = nodes[place], ranks[place]
            if node.offer is not known[rank].offer and not self._is_still(rank, node.offer):
                self._rebuild(nodes)
                return
            before, known[rank], bit = known[rank], node, 1 << rank
            self.epoch += node.certified is not before.certified or _differs(node, before)
            self.measured += node.medians is not before.medians
            serves = in_service(node)
            serving = serving | bit if serves else serving & ~bit
            free = free | bit if serves and is_free(node) else free & ~bit
            canaries = canaries | bit if node.canary else canaries & ~bit
        self.serving, self.free, self.canaries = serving, free, canaries

    def kind_of(self, rank: int) -> Kind:
        return self._kind_of[rank]

    def offer(self, name: str) -> NodeOffer:
        return self.nodes[self._rank_of[name]].offer

    def mask(self, names: Iterable[str]) -> int:
        """Names that are not known are left out."""
        places = self._rank_of
        return bits.of(places[name] for name in names if name in places)

    def parts(self, binding: Binding) -> Parts:
        """Of that binding, on each node."""
        known = self._parts.get(id(binding))
        if known is None or known.binding is not binding:
            if len(self._parts) * len(self.names) >= _MOST_PARTS:
                self._parts.clear()
            known = self._parts[id(binding)] = Parts(self.names, binding)
        return known

    def mask_of(self, job: Job) -> int:
        """The nodes of its allocation."""
        return self.mask_on(job.id, job.allocation) if job.allocation is not None else 0

    def mask_on(self, job_id: int, allocation: Allocation) -> int:
        """The nodes of an allocation of that job."""
        known = self._masks.get(job_id)
        if known is None or known[0] is not allocation:
            known = self._masks[job_id] = (allocation, self.mask(part.node for part in allocation.bindings))
        return known[1]

    def note(self, job_id: int, allocation: Allocation, mask: int) -> None:
        """The job may get that allocation, on these nodes."""
        self._masks[job_id] = (allocation, mask)

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
        self._parts.clear()
        self.epoch += 1

    def _is_still(self, rank: int, offer: NodeOffer) -> bool:
        """The node of that name, which offers something else."""
        if offer.name != self.names[rank]:
            return False
        self._change_kind(rank, 1 << rank, self._kind(offer))
        return True

    def _change_kind(self, rank: int, bit: int, kind: Kind) -> None:
        old = self._kind_of[rank]
        if kind is not old:
            self._kind_of[rank] = kind
            self.kinds[old] &= ~bit
            self.kinds[kind] = self.kinds.get(kind, 0) | bit
            self.epoch += 1


def _differs(node: Node, before: Node) -> bool:
    """What its certificates hang on has changed."""
    return bool(node.certified) and node.offer is not before.offer and node.offer.facts != before.offer.facts
