"""What a benchmark says of itself."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Size(enum.StrEnum):
    """QUICK: under about 10 s for a pair of samples; FULL: as long as a publication wants."""

    QUICK = "quick"
    NORMAL = "normal"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Metric:
    """`margin` 0: that of its benchmark."""

    name: str
    unit: str
    higher_is_better: bool = True
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Limit:
    """What the hardware cannot pass, in the metric's unit; `source`: where the figure comes from."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class About:
    """`margin`: the share (0.005 is 0.5 %) by which two arms may differ and still count as equivalent; fixed before any run.

    `stresses` completes the sentence "it measures …". `source` names where the metrics' definitions come from.
    `limit_s`: wall time that one sample of each size may take before it counts as failed. `modules`: of Python that are what is
    measured, so in an image they are the image's own.
    """

    name: str
    stresses: str
    source: str
    metrics: tuple[Metric, ...]
    margin: float
    limit_s: tuple[tuple[Size, int], ...] = ((Size.QUICK, 60), (Size.NORMAL, 300), (Size.FULL, 1800))
    modules: tuple[str, ...] = ()

    def margin_of(self, metric: Metric) -> float:
        return metric.margin or self.margin

    def time_limit_s(self, size: Size) -> int:
        return dict(self.limit_s)[size]
