"""`hpcsched bench list`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from hpcsched.cli.output import Column, output_option, show
from hpcsched.model.units import format_duration

if TYPE_CHECKING:
    from hpcsched.bench.about import About, Metric


def _metrics(about: About) -> str:
    """`copy scale GB/s ↑, latency_us us ↓`: neighbours of one unit together."""
    groups = itertools.groupby(about.metrics, key=lambda metric: f"{metric.unit} {_arrow(metric)}")
    return ", ".join(f"{' '.join(metric.name for metric in own)} ({unit})" for unit, own in groups)


def _arrow(metric: Metric) -> str:
    return "↑" if metric.higher_is_better else "↓"


def _margins(about: About) -> str:
    """The benchmark's, and those of metrics that have another."""
    own = sorted({about.margin_of(metric) for metric in about.metrics} | {about.margin})
    return " ".join(f"{margin:.1%}" for margin in own)


def _sizes(about: About) -> str:
    """With the time after which one sample counts as failed."""
    return " ".join(f"{size} {format_duration(seconds)}" for size, seconds in about.limit_s)


def _joined(texts: Iterable[str]) -> str:
    return ",".join(texts)


COLUMNS: tuple[Column[About], ...] = (
    Column("NAME", lambda about: about.name),
    Column("MARGIN", _margins, right=True),
    Column("METRICS", _metrics, wide=True),
    Column("MEASURES", lambda about: about.stresses, wide=True),
    Column("SAMPLE AT MOST", _sizes, wide=True),
)
PLAIN = (
    lambda about: about.name,
    lambda about: f"{about.margin:g}",
    lambda about: _joined(metric.name for metric in about.metrics),
    lambda about: _joined(metric.unit for metric in about.metrics),
    lambda about: _joined("higher" if metric.higher_is_better else "lower" for metric in about.metrics),
    lambda about: _joined(f"{size}={seconds}" for size, seconds in about.limit_s),
    lambda about: about.stresses,
)


@click.command("list", epilog="Example: hpcsched bench list")
@output_option
def list_benchmarks(form: str) -> None:
    """List the benchmarks: what each stresses, its metrics (↑ higher is better, ↓ lower is), and within which margin two arms
    count as equivalent; then the sizes, with how long a sample of each may take at most.

    What a node can measure of them is found out when they run. Plain columns: name, margin as a share, metrics, their units,
    which way is better, sizes, what is stressed.
    """
    from hpcsched.bench.suite import find

    show([entry.about for entry in find()], COLUMNS, PLAIN, form)
