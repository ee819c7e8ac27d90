"""The tidy table of a sweep: one row for each combination, metric and arm; pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from hpcsched.bench.about import Metric
from hpcsched.bench.analysis import counted, values
from hpcsched.bench.plan import Arm
from hpcsched.bench.result import Result, Sample
from hpcsched.bench.stats import Interval, Ratio, median
from hpcsched.bench.verdict import Comparison
from hpcsched.model.units import format_count

COLUMNS = (
    "benchmark",
    "metric",
    "unit",
    "higher_is_better",
    "arm",
    "samples",
    "mean",
    "median",
    "low",
    "high",
    "ratio",
    "ratio_low",
    "ratio_high",
    "margin",
    "pairs",
    "verdict",
    "note",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One arm of one metric. `low`, `high`: 95 % interval of the median. `ratio` to bare metal, paired, with its 95 % interval;
    of the control arm bare metal against itself. `note`: why there is no verdict, or no figure; then `metric` may be empty.

    None: not known, or not asked.
    """

    parameters: tuple[tuple[str, str], ...]
    benchmark: str
    metric: str = ""
    unit: str = ""
    higher_is_better: bool | None = None
    arm: str = ""
    samples: int = 0
    mean: float | None = None
    median: float | None = None
    low: float | None = None
    high: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    margin: float | None = None
    pairs: int | None = None
    verdict: str = ""
    note: str = ""

    def cells(self, names: Sequence[str]) -> list[str]:
        """Of those parameters, then COLUMNS; figures in full."""
        own = dict(self.parameters)
        return [*(own.get(name, "") for name in names), *(_cell(getattr(self, name)) for name in COLUMNS)]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)


def rows(parameters: tuple[tuple[str, str], ...], result: Result) -> Iterable[Row]:
    """Of one combination: in the order of benchmarks, metrics and arms."""
    compared = {(one.benchmark, one.metric.name): one for one in result.comparisons}
    arms = [arm for arm in Arm if any(sample.arm is arm for sample in result.samples)]
    for about in result.benchmarks:
        samples = counted(result.samples, about.name)
        why = result.failed.get(about.name) or result.absent.get(about.name) or ("" if samples else result.ends.get(about.name))
        if why:
            yield Row(parameters, about.name, note=why)
        for metric in about.metrics if samples else ():
            for arm in arms:
                figures = values(samples, metric, arm)
                if figures or not why:
                    row = _row(parameters, about.name, metric, arm, figures, compared.get((about.name, metric.name)))
                    yield row if row.note else replace(row, note=_failures(samples, arm))


def failed(result: Result) -> bool:
    """Whether a benchmark was given up, or has an arm without a counted sample that did not fail."""
    whole = {(sample.benchmark, sample.arm) for sample in result.samples if not sample.warmup and not sample.error}
    return bool(result.failed) or any((sample.benchmark, sample.arm) not in whole for sample in result.samples)


def _failures(samples: Sequence[Sample], arm: Arm) -> str:
    own = [sample for sample in samples if sample.arm is arm]
    errors = [sample.error for sample in own if sample.error]
    return f"{len(errors)} of {format_count(len(own), 'sample')} failed, the first with: {errors[0]}" if errors else ""


def _row(
    parameters: tuple[tuple[str, str], ...],
    benchmark: str,
    metric: Metric,
    arm: Arm,
    figures: Sequence[float],
    comparison: Comparison | None,
) -> Row:
    span = median_interval(figures)
    ratio, verdict, note = _against(arm, comparison)
    return Row(
        parameters,
        benchmark,
        metric.name,
        metric.unit,
        metric.higher_is_better,
        str(arm),
        len(figures),
        fmean(figures) if figures else None,
        median(figures),
        span.low if span else None,
        span.high if span else None,
        ratio.estimate if ratio else None,
        ratio.wide.low if ratio and ratio.wide else None,
        ratio.wide.high if ratio and ratio.wide else None,
        comparison.margin if comparison else None,
        ratio.pairs if ratio else None,
        verdict,
        note,
    )


def _against(arm: Arm, comparison: Comparison | None) -> tuple[Ratio | None, str, str]:
    if comparison is None or arm is Arm.BARE:
        return None, "", ""
    if arm is Arm.CONTROL:
        return comparison.control, str(comparison.control_verdict), ""
    return comparison.ratio, str(comparison.verdict), comparison.reason


def median_interval(figures: Sequence[float]) -> Interval | None:
    """The narrowest from the k-th smallest to the k-th largest that holds the median in 95 % of cases, whatever the distribution
    (Hoefler & Belli 2015, rule 7; David & Nagaraja 2003, 7.1); None below 6 values, of which no such interval exists.
    """
    count, ordered = len(figures), sorted(figures)
    k, term, below = 0, 1, 0
    while 40 * (below + term) <= 1 << count:
        below, term, k = below + term, term * (count - k) // (k + 1), k + 1
    return Interval(ordered[k - 1], ordered[count - k]) if k else None


def csv_text(names: Sequence[str], table: Iterable[Row]) -> str:
    """With a header, RFC 4180; the parameters first. True is 1, unknown is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*names, *COLUMNS))
    writer.writerows(row.cells(names) for row in table)
    return out.getvalue()
