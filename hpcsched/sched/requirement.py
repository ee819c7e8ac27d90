"""What a job requires of the certified figures of its nodes, as `stream.triad >= 20GB/s` or `overhead.dgemm < 1%`."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.certificate import CertifiedFigure
from hpcsched.model.container import HOST
from hpcsched.model.node import Node
from hpcsched.sched.certified import shown

MAX_LENGTH = 200
MOST = 32
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_PATTERN = re.compile(
    r"\s*([A-Za-z][\w.-]{0,127})\s*(>=|<=|>|<)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*(%|[A-Za-zµ][\w/.µ-]{0,31})?\s*",
    re.ASCII,
)
_PREFIXES = {"": 1.0, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}


@dataclass(frozen=True, slots=True)
class Requirement:
    """`value` in `unit`; an empty unit is that of the figure, `%` a hundredth."""

    text: str
    name: str
    comparison: str
    value: float
    unit: str

    def met_by(self, figure: CertifiedFigure) -> bool:
        factor = scale(self.unit, figure.unit)
        return factor is not None and _COMPARE[self.comparison](figure.value, self.value * factor)


@lru_cache(4096)
def parse(text: str) -> Requirement:
    """Raises InvalidValue."""
    found = _PATTERN.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if found is None or not math.isfinite(float(found[3])):
        raise InvalidValue(f"bad requirement {text[:60]!r}: write it like 'stream.triad >= 20GB/s' or 'overhead.dgemm < 1%'")
    return Requirement(text.strip(), found[1], found[2], float(found[3]), found[4] or "")


def check(texts: Sequence[str]) -> None:
    """Raises InvalidValue."""
    if len(texts) > MOST:
        raise InvalidValue(f"{len(texts)} requirements, at most {MOST}")
    for text in texts:
        parse(text)


def scale(asked: str, known: str) -> float | None:
    """By what a value in the unit asked for is to be multiplied; None: the units are not of one kind."""
    if asked in ("", known):
        return 1.0
    if asked == "%":
        return 0.01 if not known else None
    return next((a / b for a, one in _split(asked) for b, other in _split(known) if one == other), None)


def _split(unit: str) -> Iterable[tuple[float, str]]:
    """Readings of `GB/s`: as it is, and as 10^9 `B/s`."""
    yield 1.0, unit
    if len(unit) > 1 and unit[0] in _PREFIXES:
        yield _PREFIXES[unit[0]], unit[1:]


def meets(texts: Sequence[str], node: Node, image: str) -> bool:
    """The node's valid certificate for that image shows all that is required."""
    return not texts or not lack(texts, node, image)


def lack(texts: Sequence[str], node: Node, image: str) -> str:
    """The first that the node does not show, with what it shows; empty: it shows all."""
    figures = shown(node, image)
    for one in map(parse, texts):
        figure = figures.get(one.name)
        if figure is None:
            return f"no valid certificate shows {one.name}"
        if not one.met_by(figure):
            return f"its certificate shows {one.name} = {said(figure)}"
    return ""


def said(figure: CertifiedFigure) -> str:
    """`18.2 GB/s`; shares as per cent."""
    return f"{figure.value:.2%}" if figure.name.startswith("overhead.") else f"{figure.value:.4g} {figure.unit}".rstrip()


def require_certified(texts: Sequence[str], nodes: Sequence[Node], image: str) -> list[Node]:
    """Those that show it. Raises Infeasible that names the nearest, where there are nodes and none does."""
    found = [node for node in nodes if meets(texts, node, image)]
    if nodes and not found:
        raise Infeasible(_refusal(texts, nodes, image))
    return found


def _refusal(texts: Sequence[str], nodes: Sequence[Node], image: str) -> str:
    for one in map(parse, texts):
        figures = [(node, shown(node, image).get(one.name)) for node in nodes]
        known = [(node, figure) for node, figure in figures if figure is not None]
        if not known:
            return f"requires {one.text!r}: {_unknown(nodes, image)}"
        if scale(one.unit, known[0][1].unit) is None:
            return f"requires {one.text!r}: {one.name} is in {known[0][1].unit or 'per cent'}"
        if not any(one.met_by(figure) for _, figure in known):
            node, figure = _nearest(one, known)
            return f"requires {one.text!r}: the nearest node ({node.name}) shows {said(figure)}"
    return f"requires {' and '.join(texts)}: no node shows all of it; see `hpcsched certificate list`"


def _unknown(nodes: Sequence[Node], image: str) -> str:
    names = sorted({name for node in nodes for name in shown(node, image)})
    if not names:
        chosen = "" if image == HOST else f"--image {image} "
        return f"no node has a valid certificate for image {image}: make one with `hpcsched bench run {chosen}--certify`"
    return f"no certificate shows it; there are: {', '.join(names[:30])}"


def _nearest(one: Requirement, known: Sequence[tuple[Node, CertifiedFigure]]) -> tuple[Node, CertifiedFigure]:
    best = max if one.comparison.startswith(">") else min
    return best(known, key=lambda pair: pair[1].value)
