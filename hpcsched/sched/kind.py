"""Nodes that are equal but for their names."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.allocation import Binding
from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.sched.binding import bind

_MOST = 10_000
_ITS_OWN = ("name", "boot_id", "version", "machine", "facts")
what_it_is = attrgetter(*(field.name for field in fields(NodeOffer) if field.name not in _ITS_OWN))
"""All of an offer that bindings hang on; the parts are the same objects for most nodes."""


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
