"""One row for each sample and metric, for R, pandas and spreadsheets; pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from hpcsched.bench.about import Metric
from hpcsched.bench.result import Result, Sample

COLUMNS = (
    "order",
    "block",
    "benchmark",
    "metric",
    "unit",
    "higher_is_better",
    "arm",
    "warmup",
    "value",
    "outlier",
    "started",
    "seconds",
    "job_id",
    "node",
    "cpus",
    "mems",
    "environment",
    "steal",
    "throttled",
    "others",
    "error",
)


def tidy(result: Result) -> str:
    """CSV with a header, RFC 4180. A sample that failed has one row, without metric and value; true and false are 1 and 0."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(result))
    return out.getvalue()


def rows(result: Result) -> Iterable[dict[str, Any]]:
    metrics = {about.name: {metric.name: metric for metric in about.metrics} for about in result.benchmarks}
    outlying = {(one.benchmark, one.metric.name): set(one.checks.outliers) for one in result.comparisons}
    for sample in result.samples:
        shared = _shared(sample)
        if not sample.values:
            yield shared
        for name, value in sample.values.items():
            far = sample.order in outlying.get((sample.benchmark, name), ())
            yield {**shared, **_metric(metrics.get(sample.benchmark, {}), name), "value": repr(value), "outlier": int(far)}


def _metric(known: Mapping[str, Metric], name: str) -> dict[str, Any]:
    metric = known.get(name)
    return {"metric": name, **({"unit": metric.unit, "higher_is_better": int(metric.higher_is_better)} if metric else {})}


def _shared(sample: Sample) -> dict[str, Any]:
    same = ("order", "block", "benchmark", "started", "seconds", "job_id", "node", "cpus", "mems", "environment", "error")
    found = {name: getattr(sample, name) for name in same}
    unknown = {name: value for name in ("steal", "throttled", "others") if (value := getattr(sample, name)) >= 0}
    return {**found, **unknown, "arm": str(sample.arm), "warmup": int(sample.warmup)}
