"""Nodes that are equally fast, for jobs whose slowest node holds up the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hpcsched.errors import InvalidValue
from hpcsched.model.job import JobSpec
from hpcsched.model.node import Node
from hpcsched.model.site import Site
from hpcsched.sched import bits
from hpcsched.sched.bounds import short
from hpcsched.sched.certified import shown

WITHIN = 0.02
"""So far may the fastest lie above the slowest."""
NONE = "none"
"""What a job names that takes any nodes, whatever the site wants."""
CANARIES, CERTIFICATES = "canaries", "certificates"
_METRIC = re.compile(r"[A-Za-z][\w.-]{0,127}", re.ASCII)
Figures = Sequence[tuple[float, int]]
"""A figure above 0 and the rank of its node, by rising figure."""


@dataclass(frozen=True, slots=True)
class Speeds:
    """In one metric, from one `source`: figures from two were measured differently and are never compared."""

    metric: str
    source: str
    figures: Figures


def wanted(spec: JobSpec, site: Site) -> str:
    """The metric in which the job's nodes should be alike; empty: none."""
    named = spec.equal_speed or site.equal_speed
    return "" if named == NONE else named


def check_metric(name: str) -> None:
    """Raises InvalidValue."""
    if name and not _METRIC.fullmatch(name):
        raise InvalidValue(f"bad metric {short(name)} to be equally fast in: write it like stream.triad, or {NONE}")


def speeds(nodes: Sequence[Node], metric: str, image: str) -> tuple[Speeds, ...]:
    """Of nodes in the order of their ranks: by canaries, which are newer, and by valid certificates for that image."""
    return Speeds(metric, CANARIES, _measured(nodes, metric)), Speeds(metric, CERTIFICATES, _certified(nodes, metric, image))


def _measured(nodes: Iterable[Node], metric: str) -> Figures:
    return sorted((one.value, rank) for rank, node in enumerate(nodes) for one in node.medians if one.metric == metric)


def _certified(nodes: Iterable[Node], metric: str, image: str) -> Figures:
    found = ((shown(node, image).get(metric), rank) for rank, node in enumerate(nodes) if node.certified)
    return sorted((figure.value, rank) for figure, rank in found if figure and figure.value > 0)


def alike(known: Iterable[Speeds], mask: int, count: int) -> int:
    """So many nodes of the mask that are closest to each other, by the first source that has such within `WITHIN`; 0: none."""
    return next(filter(None, (closest(one.figures, mask, count) for one in known)), 0)


def closest(figures: Figures, mask: int, count: int) -> int:
    there = [(value, rank) for value, rank in figures if mask >> rank & 1]
    spans = [(there[at + count - 1][0] / there[at][0], at) for at in range(len(there) - count + 1)]
    found, at = min(spans, default=(0.0, 0))
    if not spans or found > 1 + WITHIN:
        return 0
    return bits.of(rank for _, rank in there[at : at + count])


def span(figures: Figures, mask: int) -> float | None:
    """By what share the fastest node of the mask lies above the slowest; None: not all are known."""
    values = [value for value, rank in figures if mask >> rank & 1]
    return values[-1] / values[0] - 1 if values and len(values) == mask.bit_count() else None


def equal(known: Iterable[Speeds], mask: int) -> str:
    """That the nodes are equally fast; empty: they are not, or it is not known."""
    spans = ((one, span(one.figures, mask)) for one in known)
    one, found = next(((one, found) for one, found in spans if found is not None and found <= WITHIN), (None, 0.0))
    return f"are equally fast: {one.metric} within {found:.1%} by their {one.source}" if one else ""


def unequal(known: Sequence[Speeds], mask: int) -> str:
    """Why they are not called equally fast."""
    spans = [found for one in known if (found := span(one.figures, mask)) is not None]
    metric = known[0].metric
    return f"they differ by {min(spans):.1%} in {metric}" if spans else f"{metric} is not known of all of them"
