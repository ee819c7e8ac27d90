"""`hpcsched bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hpcsched.cli.bench_sweep_options import sweep_options, take_asked
from hpcsched.cli.context import Context
from hpcsched.cli.options import resource_options
from hpcsched.cli.outcome import INTERRUPTED
from hpcsched.cli.output import Column, console, output_option, show, show_rows
from hpcsched.cli.progress import bench_progress
from hpcsched.cli.resources import resource_request

if TYPE_CHECKING:
    from hpcsched.bench.about import About
    from hpcsched.bench.result import Result

SIZES = ("quick", "normal", "full")
COLUMNS: tuple[Column[About], ...] = (
    Column("NAME", lambda about: about.name),
    Column("MARGIN", lambda about: f"{about.margin:.1%}", right=True),
    Column("METRICS", lambda about: " ".join(f"{metric.name} ({metric.unit})" for metric in about.metrics), wide=True),
    Column("MEASURES", lambda about: about.stresses, wide=True),
)
PLAIN = (
    lambda about: about.name,
    lambda about: f"{about.margin:g}",
    lambda about: ",".join(metric.name for metric in about.metrics),
)


@click.group(epilog="Example: hpcsched bench run stream --size quick")
def command() -> None:
    """Compare containers with bare metal: the same program, the same pinning, in interleaved pairs."""


@command.command("list", epilog="Example: hpcsched bench list")
@output_option
def list_benchmarks(form: str) -> None:
    """List the benchmarks, and within which margin each one's arms count as equivalent.

    Plain columns: name, margin as a share, metrics.
    """
    from hpcsched.bench.suite import find

    show([entry.about for entry in find()], COLUMNS, PLAIN, form)


@command.command(epilog="Example: hpcsched bench run stream dgemm --pairs 30 --html report.html")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--size", type=click.Choice(SIZES), default="quick", show_default=True, help="Of the problem.")
@click.option(
    "--pairs", type=click.IntRange(1, 10_000), default=15, show_default=True, metavar="N", help="Pairs for each benchmark."
)
@click.option("--budget", type=click.FloatRange(0, 1e6), default=120, show_default=True, metavar="SECONDS", help="0: none.")
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Of the order of the samples [default: a new one].")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write all samples.")
@click.option(
    "--html", "html_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a page with plots."
)
@sweep_options
@resource_options
@output_option
@click.pass_obj
def run(
    context: Context,
    /,
    names: tuple[str, ...],
    size: str,
    pairs: int,
    budget: float,
    seed: int | None,
    json_file: Path | None,
    html_file: Path | None,
    form: str,
    **resources: Any,
) -> int:
    """Run benchmarks (all, if none is named) on bare metal and in containers, and compare. Ctrl-C ends early with what there is.

    Exits 1 when a benchmark could not be run. Plain columns: those of the table.
    """
    asked = take_asked(resources)
    request = resource_request(resources)
    if asked.swept:
        from hpcsched.cli.bench_sweep import run_sweep

        return run_sweep(context, asked, names, request, seed, form, size=size, pairs=pairs, budget_s=budget)
    from hpcsched.bench.runner import run as measure

    more = asked.measuring(names)
    with context.client() as client, bench_progress() as progress:
        result = measure(client, names, size, pairs, budget, seed, progress, resources=request, **more)
    _write(result, json_file, html_file)
    shown = _show(result, form)
    return INTERRUPTED if result.stopped == "interrupted" else shown


@command.command(epilog="Example: hpcsched bench report report.json --html report.html")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--html", "html_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a page with plots."
)
@output_option
def report(file: Path, html_file: Path | None, form: str) -> int:
    """Show a run again from the file that `bench run --json` wrote."""
    from hpcsched.bench.result import Result

    result = Result.read(file)
    _write(result, None, html_file)
    return _show(result, form)


def _write(result: Result, json_file: Path | None, html_file: Path | None) -> None:
    from hpcsched.bench.report import write_html, write_json

    if json_file:
        write_json(result, json_file)
    if html_file:
        write_html(result, html_file)


def _show(result: Result, form: str) -> int:
    from hpcsched.bench.report import render_table, rows

    if form == "json":
        click.echo(result.to_json())
    elif form == "plain":
        show_rows(list(rows(result.comparisons)))
    else:
        console().print(render_table(result))
    return int(bool(result.failed))
