"""The frame of a benchmark script: its command line, and the one JSON object that it prints.

A script is run twice over: `--prepare` once on the node (compiles, chooses sizes, prints settings), then once for each sample
with those settings, so that all samples of both arms do the same work with the same files.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpcsched.bench.about import About, Size
from hpcsched.bench.environment import collect
from hpcsched.bench.kernel import default_cache
from hpcsched.errors import HpcschedError, WrongResult

Settings = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """`values` by metric name, in the metric's unit. `config`: what was run (threads, sizes, libraries); equal in both arms.

    A `caveat` in `config` is told to every reader of the report: a clause on what these figures do not show.
    """

    values: dict[str, float]
    config: dict[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`prepare(size, cache folder)` gives settings that JSON can hold; `measure(settings)` raises WrongResult."""

    about: About
    prepare: Callable[[Size, Path], Settings]
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
    settings = _settings(benchmark, options)
    if options.prepare:
        print(json.dumps(settings))
        return
    measured = benchmark.measure(settings)
    answer = _answer(benchmark.about, options.size, measured)
    print(json.dumps(answer) if options.json else _plain(benchmark.about, measured))


def _settings(benchmark: Benchmark, options: argparse.Namespace) -> Settings:
    if options.settings is None:
        return benchmark.prepare(options.size, options.cache or default_cache())
    try:
        settings: Settings = json.loads(options.settings)
    except ValueError as error:
        raise WrongResult(f"--settings is no JSON ({error}); give what --prepare printed") from None
    return settings


def _answer(about: About, size: Size, measured: Measured) -> Mapping[str, Any]:
    missing = {metric.name for metric in about.metrics} ^ set(measured.values)
    if missing:
        raise WrongResult(f"metrics measured and metrics named differ: {', '.join(sorted(missing))}")
    metrics = {
        metric.name: {
            "value": measured.values[metric.name],
            "unit": metric.unit,
            "higher_is_better": metric.higher_is_better,
        }
        for metric in about.metrics
    }
    return {
        "benchmark": about.name,
        "size": str(size),
        "verified": True,
        "metrics": metrics,
        "config": measured.config,
        "environment": collect(),
    }


def _plain(about: About, measured: Measured) -> str:
    lines = [f"{metric.name:12} {measured.values[metric.name]:12.3f} {metric.unit}" for metric in about.metrics]
    return "\n".join([*lines, "verified"])
