"""`hpcsched bench run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hpcsched.cli.bench_files import check_writable, file_options, long_option, show_result, write_files
from hpcsched.cli.bench_live import bench_progress
from hpcsched.cli.bench_sweep_options import sweep_options, take_asked
from hpcsched.cli.context import Context
from hpcsched.cli.options import place_options
from hpcsched.cli.outcome import INTERRUPTED
from hpcsched.cli.output import output_option
from hpcsched.cli.params import NodeList
from hpcsched.cli.resources import resource_request
from hpcsched.errors import HpcschedError

if TYPE_CHECKING:
    from hpcsched.bench.result import Result
    from hpcsched.client.client import Client

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
@click.option("-w", "--nodelist", type=NodeList(), default=(), metavar="NAMES", help="On one of these nodes, as n1 or n[1-4].")
@click.option("--image", metavar="NAME", default="host", show_default=True, help="Whose files both arms have, as of a job.")
@click.option("--certify", is_flag=True, help="Let the controller sign what was shown; writes NODE.certificate.json.")
@file_options("json", "html", "csv")
@sweep_options
@place_options
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
    nodelist: tuple[str, ...],
    image: str,
    certify: bool,
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
    asked = take_asked(resources)
    request = resource_request(resources)
    how: dict[str, Any] = {"precision": -1.0 if all_pairs else (precision or 0.0) / 100, "nodelist": nodelist, "image": image}
    if asked.swept:
        once = json_file, html_file, csv_file, certify
        most_of = pairs or PAIRS
        return _swept(context, asked, names, request, seed, form, once, size=size, pairs=most_of, budget_s=budget, **how)
    from hpcsched.bench.runner import run as measure

    check_writable(json_file, html_file, csv_file)
    most = pairs or PAIRS[size]
    how |= asked.measuring(names, image)
    with context.client() as client, bench_progress() as progress:
        if certify:
            _check_image(client, nodelist, image)
        result = measure(client, names, size, most, budget, seed, progress, resources=request, **how)
    write_files(result, json_file, html_file, csv_file)
    show_result(result, form, long)
    if certify:
        _certify(context, result)
    return INTERRUPTED if result.stopped == "interrupted" else int(bool(result.failed))


def _swept(*arguments: Any, **how: Any) -> int:
    from hpcsched.cli.bench_sweep import run_sweep

    return run_sweep(*arguments, **how)


def _check_image(client: Client, nodelist: tuple[str, ...], image: str) -> None:
    from hpcsched.bench.certificate import check_image

    check_image((node.offer for node in client.nodes() if not nodelist or node.offer.name in nodelist), image)


def _certify(context: Context, result: Result) -> None:
    from hpcsched.cli.certificate import keep

    with context.client() as client:
        click.echo(f"certificate: {keep(client.issue_certificate(result.to_json()), None)}", err=True)
