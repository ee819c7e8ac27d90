"""What was measured of a container's cost on a node, and for which node, image, kernel and drivers it holds."""

from __future__ import annotations

from dataclasses import dataclass

Facts = tuple[tuple[str, str], ...]
"""Names and values, as a node's offer has them."""

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of one benchmark, as `stream.triad`. `bare`, `container`: medians in `unit`; `ratio`: container / bare, with its
    95 % interval `low` to `high`. `verdict`: that of the margin, as in the report.
    """

    name: str
    unit: str
    higher_is_better: bool
    bare: float
    container: float
    ratio: float
    low: float
    high: float
    margin: float
    pairs: int
    verdict: str

    @property
    def overhead(self) -> float:
        """What the container costs at most, at 97.5 %: 0.01 is one per cent; below 0: it is certainly faster."""
        return 1.0 - self.low if self.higher_is_better else self.high - 1.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """`facts`: of the node while it was measured; when one of them changes, the certificate holds no more. `measured`, `issued`:
    Unix seconds. `result`: SHA-256 of the report with all samples, in hexadecimal. `version`: of hpcsched.
    """

    node: str
    image: str
    facts: Facts
    figures: tuple[Figure, ...]
    size: str
    measured: float
    issued: float
    result: str
    version: str
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True)
class Certified:
    """What the controller keeps of a certificate. `id`: first 16 hexadecimal digits of the SHA-256 of what is signed.

    `figures`: (name, value, unit) of what can be required; lists of nodes leave them out.
    """

    id: str
    image: str
    facts: Facts
    issued: float
    figures: tuple[CertifiedFigure, ...] = ()


@dataclass(frozen=True, slots=True)
class CertifiedFigure:
    """`overhead.stream.triad` is a share, without a unit; `overhead.stream` the largest of all its metrics."""

    name: str
    value: float
    unit: str
