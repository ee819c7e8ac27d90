"""The frame of a benchmark script: its command line, and the one JSON object that it prints.

A script is run twice over: `--prepare` once on the node (compiles, chooses sizes, prints what it Prepared), then once for each
sample with just that, so that all samples of both arms do the same work with the same files.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.environment import collect
from hpcsched.bench.kernel import default_cache
from hpcsched.bench.libraries import programs
from hpcsched.bench.prepared import Prepared, Settings
from hpcsched.errors import HpcschedError, MissingTool, Unsupported, WrongResult


@dataclass(frozen=True, slots=True)
class Measured:
    """`values` by metric name, in the metric's unit. `config`: what was run (threads, sizes, libraries); equal in both arms."""

    values: dict[str, float]
    config: dict[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`prepare(size, cache folder)` raises MissingTool or Unsupported where nothing of it can be measured on this node.

    `measure` gets the settings of what was prepared, and raises WrongResult.
    """

    about: About
    prepare: Callable[[Size, Path], Prepared]
    measure: Callable[[Settings], Measured]


def main(benchmark: Benchmark, argv: list[str] | None = None) -> None:
    """Exits 1 with one line on stderr when there is no verified result."""
    options = _parser(benchmark.about).parse_args(argv)
    try:
        _act(benchmark, options)
    except HpcschedError as error:
        print(f"{benchmark.about.name}: {error}", file=sys.stderr)
        sys.exit(1)


def _parser(about: About) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=about.name, description=f"Measures {about.stresses}.", epilog=f"Source: {about.source}")
    parser.add_argument("--size", type=Size, choices=list(Size), default=Size.QUICK)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--prepare", action="store_true", help="compile, choose sizes, print the settings, measure nothing")
    parser.add_argument("--settings", metavar="JSON", help="what --prepare printed (default: prepare first)")
    parser.add_argument("--cache", type=Path, default=None, help="folder for compiled kernels")
    return parser


def _act(benchmark: Benchmark, options: argparse.Namespace) -> None:
    prepared = _prepared(benchmark, options)
    if options.prepare:
        print(prepared.to_json())
        return
    if prepared.absent:
        raise Unsupported(prepared.absent)
    metrics = benchmark.about.metrics if prepared.metrics is None else prepared.metrics
    measured = benchmark.measure(prepared.settings)
    answer = _answer(benchmark.about, options.size, metrics, measured, collect(programs=programs(prepared.settings)))
    print(json.dumps(answer) if options.json else _plain(metrics, prepared, measured))


def _prepared(benchmark: Benchmark, options: argparse.Namespace) -> Prepared:
    if options.settings is not None:
        return Prepared.from_json(options.settings)
    try:
        return benchmark.prepare(options.size, options.cache or default_cache())
    except (MissingTool, Unsupported) as error:
        return Prepared(absent=error.line)


def _answer(
    about: About, size: Size, named: Sequence[Metric], measured: Measured, environment: Mapping[str, str]
) -> Mapping[str, Any]:
    missing = {metric.name for metric in named} ^ set(measured.values)
    if missing:
        raise WrongResult(f"metrics measured and metrics named differ: {', '.join(sorted(missing))}")
    metrics = {
        metric.name: {
            "value": measured.values[metric.name],
            "unit": metric.unit,
            "higher_is_better": metric.higher_is_better,
        }
        for metric in named
    }
    return {
        "benchmark": about.name,
        "size": str(size),
        "verified": True,
        "metrics": metrics,
        "config": measured.config,
        "environment": environment,
    }


def _plain(metrics: Sequence[Metric], prepared: Prepared, measured: Measured) -> str:
    lines = [f"{metric.name:16} {measured.values[metric.name]:12.5g} {metric.unit}" for metric in metrics]
    return "\n".join([*lines, *(f"not measured: {lack}" for lack in prepared.lacks), "verified"])
