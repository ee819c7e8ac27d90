"""Which nodes could run a job, remembered between plans."""

from __future__ import annotations

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.allocation import Binding
from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.sched.binding import bind

_MOST = 100_000


class Fitter:
    """`bind`'s answers, each found once as long as the node's offer stays the same object."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ResourceRequest], tuple[NodeOffer, Binding | None]] = {}

    def fit(self, offer: NodeOffer, spec: JobSpec) -> Binding | None:
        """What the job would get of that node when it is free; None: it can never run there."""
        if spec.runtime not in offer.runtimes:
            return None
        key = (offer.name, spec.resources)
        known = self._known.get(key)
        if known is None or known[0] is not offer:
            known = self._remember(key, offer)
        return known[1]

    def _remember(self, key: tuple[str, ResourceRequest], offer: NodeOffer) -> tuple[NodeOffer, Binding | None]:
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = (offer, _bound(offer, key[1]))
        return self._known[key]


def _bound(offer: NodeOffer, request: ResourceRequest) -> Binding | None:
    try:
        return bind(offer, request)
    except (Infeasible, InvalidValue):
        return None
