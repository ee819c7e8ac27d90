"""Never, as against not now: what no node of this cluster could ever run, and the nearest that would fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hpcsched.errors import Infeasible
from hpcsched.model.job import JobSpec
from hpcsched.model.node import NodeOffer
from hpcsched.sched.binding import bind
from hpcsched.sched.fit import Fitter
from hpcsched.sched.quantities import Quantity, quantities


def require_feasible(spec: JobSpec, offers: Sequence[NodeOffer], fitter: Fitter, where: str = "this cluster") -> None:
    """Raises Infeasible when these nodes, all free, could not run it. Without any node nothing is known, so it may wait.

    `where`: what the nodes are called together.
    """
    if not offers:
        return
    fitting = 0
    for offer in offers:
        fitting += fitter.fit(offer, spec) is not None
        if fitting >= spec.nodes:
            return
    if not fitting:
        raise _refused(spec, offers)
    raise Infeasible(f"asks for {spec.nodes} nodes, {_that_fit(fitting, len(offers), where)}: at most --nodes {fitting}")


def _that_fit(fitting: int, known: int, where: str) -> str:
    return f"{where} has {known}" if fitting == known else f"{fitting} of the {known} nodes of {where} can run it"


def _refused(spec: JobSpec, offers: Sequence[NodeOffer]) -> Infeasible:
    able = [offer for offer in offers if spec.runtime in offer.runtimes]
    if not able:
        return _unknown("runtime", spec.runtime, offers, lambda offer: offer.runtimes)
    tuning = spec.resources.tuning
    able = [offer for offer in able if tuning in ("", *offer.tunings)]
    if not able:
        return _unknown("tuning", tuning, offers, lambda offer: offer.tunings)
    nearest = max(able, key=lambda offer: _nearness(quantities(spec.resources, offer)))
    lacks = [ask for ask in quantities(spec.resources, nearest) if ask.share < 1]
    return _lacking(lacks, nearest) if lacks else _bind_says(spec, nearest)


def _nearness(asks: Sequence[Quantity]) -> tuple[float, float]:
    """By what is scarcest, then by all together."""
    shares = [min(1.0, ask.share) for ask in asks]
    return min(shares, default=1.0), sum(shares)


def _unknown(what: str, asked: str, offers: Sequence[NodeOffer], there: Callable[[NodeOffer], tuple[str, ...]]) -> Infeasible:
    known = ", ".join(sorted({name for offer in offers for name in there(offer)})) or "none"
    return Infeasible(f"asks for {what} {asked!r}, this cluster has: {known}")


def _lacking(lacks: Sequence[Quantity], nearest: NodeOffer) -> Infeasible:
    asked = " and ".join(ask.asked for ask in lacks)
    given = " and ".join(ask.given for ask in lacks)
    options = " ".join(ask.option for ask in lacks if ask.option)
    most = f": at most {options}" if options else ""
    return Infeasible(f"asks for {asked} per node, the nearest node ({nearest.name}) hands out {given}{most}")


def _bind_says(spec: JobSpec, offer: NodeOffer) -> Infeasible:
    """Its quantities fit one by one, but not together; bind knows why (and may find that the counts contradict each other)."""
    bind(offer, spec.resources)
    return Infeasible(f"asks for what no node has; the nearest is {offer.name}: see `hpcsched node {offer.name}`")
