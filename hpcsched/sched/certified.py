"""Whether a certificate holds for a node as it is now, and what it shows there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hpcsched.model.certificate import Certificate, Certified, CertifiedFigure, Facts
from hpcsched.model.node import Node

OVERHEAD = "overhead"
_IMAGE = "image "


def image_fact(image: str) -> str:
    """The name of the fact that is its digest."""
    return _IMAGE + image


def facts_for(facts: Facts, image: str) -> Facts:
    """Of the node, and of that image alone."""
    return tuple((name, value) for name, value in facts if not name.startswith(_IMAGE) or name == image_fact(image))


def stale(certified: Certified, facts: Facts) -> str:
    """What has changed since it was issued; empty: nothing, it holds."""
    return changed(certified.facts, facts_for(facts, certified.image))


def changed(before: Facts, after: Facts) -> str:
    """The first fact of a node that differs; empty: none."""
    then, now = dict(before), dict(after)
    different = (name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name))
    return next((f"{name} was {then.get(name, 'not there')}, is {now.get(name, 'not there')}" for name in different), "")


def valid(node: Node, image: str) -> Certified | None:
    """The one that holds for containers of that image there."""
    return next((one for one in node.certified if one.image == image and not stale(one, node.offer.facts)), None)


def shown(node: Node, image: str) -> Mapping[str, CertifiedFigure]:
    """Figures by name; none without a valid certificate."""
    found = valid(node, image)
    return {figure.name: figure for figure in found.figures} if found else {}


def condensed(certificate: Certificate, identity: str) -> Certified:
    return Certified(identity, certificate.image, certificate.facts, certificate.issued, tuple(_figures(certificate)))


def _figures(certificate: Certificate) -> Iterator[CertifiedFigure]:
    worst: dict[str, float] = {}
    for figure in certificate.figures:
        benchmark = figure.name.partition(".")[0]
        worst[benchmark] = max(worst.get(benchmark, figure.overhead), figure.overhead)
        yield CertifiedFigure(figure.name, figure.container, figure.unit)
        yield CertifiedFigure(f"{OVERHEAD}.{figure.name}", figure.overhead, "")
    yield from (CertifiedFigure(f"{OVERHEAD}.{name}", value, "") for name, value in worst.items())
