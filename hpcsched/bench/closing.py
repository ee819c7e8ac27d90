"""How far the intervals have come while a benchmark is measured, and whether they are narrow enough; pure.

The width that decides is that of the control, bare metal against itself. Were it the container's, a benchmark would end
just when its spread happened to be underestimated, and its verdicts would be wrong more often than they say; the control
knows nothing of the container's figures. The container's own interval may be wider by a factor of SLACK, no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpcsched.bench.about import About, Metric
from hpcsched.bench.analysis import counted, paired
from hpcsched.bench.plan import SLACK, Arm, Wanted, planned
from hpcsched.bench.result import Sample
from hpcsched.bench.stats import Ratio, ratio


@dataclass(frozen=True, slots=True)
class Closing:
    """One metric on the way: `pairs` so far, `planned` pairs by what is known by now; `ratio` with the intervals so far.

    `half_width`: the one that is compared with `wanted`, both shares: of the control's 90 % interval, or of the container's
    divided by SLACK where that is more. `ended`: why its benchmark takes no more pairs, empty while it does.
    """

    benchmark: str
    metric: Metric
    pairs: int
    planned: int
    ratio: Ratio
    half_width: float | None
    wanted: float
    ended: str = ""

    @property
    def narrow(self) -> bool:
        return self.half_width is not None and self.half_width <= self.wanted


def closings(about: About, samples: Sequence[Sample], wanted: Wanted) -> tuple[Closing, ...]:
    """Of each metric; `planned` regards neither time nor other metrics."""
    taken = counted(samples, about.name)
    return tuple(_closing(about, metric, taken, wanted) for metric in about.metrics)


def _closing(about: About, metric: Metric, samples: Sequence[Sample], wanted: Wanted) -> Closing:
    found = ratio(*paired(samples, metric, Arm.CONTAINER))
    half, aim = _half_width(found, ratio(*paired(samples, metric, Arm.CONTROL))), wanted.half_width(about.margin_of(metric))
    pairs = wanted.pairs if half is None or wanted.precision < 0 else min(planned(found.pairs, half, aim), wanted.pairs)
    return Closing(about.name, metric, found.pairs, pairs, found, half, aim)


def _half_width(container: Ratio, control: Ratio) -> float | None:
    if container.narrow is None or control.narrow is None:
        return None
    return max(control.narrow.half_width(), container.narrow.half_width() / SLACK)
