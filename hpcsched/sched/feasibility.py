"""Never, as against not now: what no node of this cluster could ever run, and the nearest that would fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpcsched.errors import Infeasible
from hpcsched.model.job import JobSpec
from hpcsched.model.node import NodeOffer
from hpcsched.model.units import format_bytes
from hpcsched.sched.binding import bind
from hpcsched.sched.fit import Fitter


@dataclass(frozen=True, slots=True)
class _Ask:
    """One quantity that was asked of each node, and what a node hands out of it."""

    amount: int
    there: int
    words: str
    option: str
    in_bytes: bool = False

    @property
    def share(self) -> float:
        return self.there / self.amount

    def text(self) -> str:
        return format_bytes(self.amount) if self.in_bytes else str(self.amount)

    def most(self) -> str:
        """What is there as an argument of the option, rounded down."""
        return f"{self.there >> 20}M" if self.in_bytes else str(self.there)


def require_feasible(spec: JobSpec, offers: Sequence[NodeOffer], fitter: Fitter) -> None:
    """Raises Infeasible when these nodes, all free, could not run it. Without any node nothing is known, so it may wait."""
    if not offers:
        return
    fitting = 0
    for offer in offers:
        fitting += fitter.fit(offer, spec) is not None
        if fitting >= spec.nodes:
            return
    if not fitting:
        raise _refused(spec, offers)
    raise Infeasible(f"asks for {spec.nodes} nodes, {_that_fit(fitting, len(offers))}: at most --nodes {fitting}")


def _that_fit(fitting: int, known: int) -> str:
    return f"this cluster has {known}" if fitting == known else f"{fitting} of the {known} nodes of this cluster can run it"


def _refused(spec: JobSpec, offers: Sequence[NodeOffer]) -> Infeasible:
    able = [offer for offer in offers if spec.runtime in offer.runtimes]
    if not able:
        there = sorted({runtime for offer in offers for runtime in offer.runtimes})
        return Infeasible(f"asks for runtime {spec.runtime!r}, this cluster has: {', '.join(there) or 'none'}")
    nearest = max(able, key=lambda offer: min((ask.share for ask in _asks(spec, offer)), default=1.0))
    lacks = [ask for ask in _asks(spec, nearest) if ask.share < 1]
    if not lacks:
        return _bind_says(spec, nearest)
    asked = " and ".join(f"{ask.text()} {ask.words}" for ask in lacks)
    given = " and ".join(ask.most() for ask in lacks)
    options = " ".join(f"{ask.option} {ask.most()}" for ask in lacks)
    return Infeasible(f"asks for {asked} per node, the nearest node ({nearest.name}) hands out {given}: at most {options}")


def _asks(spec: JobSpec, offer: NodeOffer) -> list[_Ask]:
    request = spec.resources
    cores = sum(not core.pus.isdisjoint(offer.cpus) for core in offer.topology.cores)
    memory = offer.memory or offer.topology.memory or request.mem_per_node
    asks = (
        _Ask(request.cores_per_node, cores, "cores", "--cores-per-node"),
        _Ask(request.cpus_per_node, len(offer.cpus), "cpus", "--cpus-per-node"),
        _Ask(request.mem_per_node, memory, "memory", "--mem-per-node", in_bytes=True),
    )
    return [ask for ask in asks if ask.amount]


def _bind_says(spec: JobSpec, offer: NodeOffer) -> Infeasible:
    """Its quantities fit one by one, but not together; bind knows why (and may find that the counts contradict each other)."""
    bind(offer, spec.resources)
    return Infeasible(f"asks for what no node has; the nearest is {offer.name}: see `hpcsched node {offer.name}`")
