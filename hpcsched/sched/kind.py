"""Nodes that are equal but for their names."""

from __future__ import annotations

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.allocation import Binding
from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.sched.binding import bind

_MOST = 10_000


class Kind:
    """`offer` is that of one of them. `bind`'s answers are found once for all."""

    __slots__ = ("_bindings", "offer")

    def __init__(self, offer: NodeOffer) -> None:
        self.offer = offer
        self._bindings: dict[ResourceRequest, Binding | None] = {}

    def fit(self, spec: JobSpec) -> Binding | None:
        """What the job would get of such a node when it is free; None: it can never run there."""
        if spec.runtime not in self.offer.runtimes:
            return None
        if spec.resources not in self._bindings:
            self._remember(spec.resources)
        return self._bindings[spec.resources]

    def _remember(self, request: ResourceRequest) -> None:
        if len(self._bindings) >= _MOST:
            self._bindings.clear()
        try:
            self._bindings[request] = bind(self.offer, request)
        except (Infeasible, InvalidValue):
            self._bindings[request] = None
