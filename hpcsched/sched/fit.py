"""What is remembered between plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hpcsched.model.allocation import Binding
from hpcsched.model.job import JobSpec
from hpcsched.model.node import Node, NodeOffer
from hpcsched.model.site import Site
from hpcsched.sched.ask import Asks
from hpcsched.sched.fleet import Fleet
from hpcsched.sched.kind import Kind, what_it_is
from hpcsched.sched.places import Places
from hpcsched.sched.running import Running
from hpcsched.sched.site_rules import Rules

_MOST = 100_000


class Fitter:
    """`bind`'s answers, each found once for all nodes that are equal but for their names; the nodes as they were seen last."""

    def __init__(self) -> None:
        self._kinds: dict[Any, Kind] = {}
        self._known: dict[int, tuple[NodeOffer, Kind]] = {}
        self._same: dict[tuple[int, ...], tuple[Any, Kind]] = {}
        """By the identity of what an offer is made of, which is kept here: most nodes share it."""
        self.fleet = Fleet(self.kind)
        self.asks = Asks()
        self.running = Running()
        self.rules = Rules(Site())
        self.serial = 0
        """How many plans were begun."""
        self._places: Places | None = None

    def see(self, site: Site, nodes: Sequence[Node]) -> Places:
        """At the beginning of a plan: look at what has changed. Which nodes fit which jobs now."""
        self.asks.tidy()
        self.fleet.update(nodes)
        if site is not self.rules.site and site != self.rules.site:
            self.rules, self._places = self.rules.renewed(site), None
            self.asks.settle(site)
        if self._places is None or self._places.epoch != self.fleet.epoch:
            self._places = Places(site, self.fleet)
        return self._places

    def fit(self, offer: NodeOffer, spec: JobSpec) -> Binding | None:
        """What the job would get of that node when it is free; None: it can never run there."""
        return self.kind(offer).fit(spec)

    def kind(self, offer: NodeOffer) -> Kind:
        """The same object for equal nodes."""
        known = self._known.get(id(offer))
        if known is None or known[0] is not offer:
            known = self._remember(offer)
        return known[1]

    def _remember(self, offer: NodeOffer) -> tuple[NodeOffer, Kind]:
        if len(self._known) >= _MOST:
            self._known.clear()
            self._kinds.clear()
            self._same.clear()
        plain = what_it_is(offer)
        parts = tuple(map(id, plain))
        found = self._same.get(parts)
        if found is None:
            found = self._same[parts] = (plain, self._kinds.get(plain) or self._kinds.setdefault(plain, Kind(offer)))
        self._known[id(offer)] = (offer, found[1])
        return self._known[id(offer)]
