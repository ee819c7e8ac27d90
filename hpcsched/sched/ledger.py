"""A scratch copy of the free nodes, which a policy spends while it plans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from hpcsched.model.allocation import Allocation, NodeBinding
from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.model.node import Node
from hpcsched.sched.fit import Fitter


def in_service(node: Node) -> bool:
    """It could take a job, now or when it is free."""
    return node.connected and not node.down and not node.drain_reason


class Ledger:
    """`usable`: nodes in service, busy or not; `free`: those that nothing runs on and that were not spent yet. Both by name."""

    def __init__(self, nodes: Iterable[Node], fitter: Fitter) -> None:
        self.usable = {node.name: node for node in sorted(nodes, key=lambda node: node.name) if in_service(node)}
        self.free = {name: node for name, node in self.usable.items() if not node.busy}
        self._fitter = fitter
        self._could: dict[tuple[ResourceRequest, str, int], bool] = {}

    def find(self, spec: JobSpec) -> Allocation | None:
        """The first free nodes by name that fit; None: not enough of them. Spends nothing."""
        if len(self.free) < spec.nodes:
            return None
        parts = tuple(islice(self._fits(self.free, spec), spec.nodes))
        return Allocation(parts) if len(parts) == spec.nodes else None

    def spend(self, allocation: Allocation) -> None:
        for name in allocation.nodes:
            del self.free[name]

    def could_run(self, spec: JobSpec) -> bool:
        """Enough nodes in service could run it, if they were free."""
        key = (spec.resources, spec.runtime, spec.nodes)
        if key not in self._could:
            self._could[key] = sum(1 for _ in islice(self._fits(self.usable, spec), spec.nodes)) == spec.nodes
        return self._could[key]

    def _fits(self, nodes: dict[str, Node], spec: JobSpec) -> Iterator[NodeBinding]:
        for name, node in nodes.items():
            binding = self._fitter.fit(node.offer, spec)
            if binding is not None:
                yield NodeBinding(name, binding)
