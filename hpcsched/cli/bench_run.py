"""`hpcsched bench run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hpcsched.cli.bench_files import check_writable, file_options, long_option, show_result, write_files
from hpcsched.cli.bench_live import bench_progress
from hpcsched.cli.context import Context
from hpcsched.cli.options import resource_options
from hpcsched.cli.outcome import INTERRUPTED
from hpcsched.cli.output import output_option
from hpcsched.cli.resources import resource_request
from hpcsched.errors import HpcschedError

PAIRS = {"quick": 15, "normal": 100, "full": 500}
"""At most, for each benchmark, where nobody names a number."""


def _begin_so(_context: click.Context, _option: click.Parameter, incomplete: str) -> list[str]:
    """For a shell: names of benchmarks; none where there is no suite."""
    from hpcsched.bench.suite import find

    try:
        return [entry.about.name for entry in find() if entry.about.name.startswith(incomplete)]
    except HpcschedError:
        return []


@click.command(epilog="Example: hpcsched bench run stream dgemm --pairs 30 --html report.html")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=_begin_so)
@click.option("--size", type=click.Choice(tuple(PAIRS)), default="quick", show_default=True, help="Of the problem.")
@click.option(
    "--pairs",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="At most, for each benchmark; fewer when its intervals are narrow [default: 15, 100 or 500, by size].",
)
@click.option(
    "--budget",
    type=click.FloatRange(0, 1e6),
    metavar="SECONDS",
    help="Of all together; 0: none [default: 60 for each benchmark, 900 of size normal, none of size full].",
)
@click.option(
    "--precision",
    type=click.FloatRange(0, 50, min_open=True),
    metavar="PERCENT",
    help="How narrow is enough, to each side [default: half of each margin].",
)
@click.option("--all-pairs", is_flag=True, help="Take all pairs, however narrow the intervals are.")
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Of the order of the samples [default: a new one].")
@file_options("json", "html", "csv")
@resource_options
@long_option
@output_option
@click.pass_obj
def run(
    context: Context,
    /,
    names: tuple[str, ...],
    size: str,
    pairs: int | None,
    budget: float | None,
    precision: float | None,
    all_pairs: bool,
    seed: int | None,
    json_file: Path | None,
    html_file: Path | None,
    csv_file: Path | None,
    long: bool,
    form: str,
    **resources: Any,
) -> int:
    """Run benchmarks (all, if none is named) on bare metal and in containers, and compare. Ctrl-C ends early with what there is.

    While it runs, a table shows how far the intervals have come, and no ratio or verdict: who stops when he likes what he sees
    has measured nothing.

    Exits 1 when a benchmark could not be run. Plain columns: those of `bench report`.
    """
    from hpcsched.bench.runner import run as measure

    check_writable(json_file, html_file, csv_file)
    request = resource_request(resources)
    narrow = -1.0 if all_pairs else (precision or 0.0) / 100
    most = PAIRS[size] if pairs is None else pairs
    with context.client() as client, bench_progress() as progress:
        result = measure(client, names, size, most, budget, seed, progress, resources=request, precision=narrow)
    write_files(result, json_file, html_file, csv_file)
    show_result(result, form, long)
    return INTERRUPTED if result.stopped == "interrupted" else int(bool(result.failed))
