"""`hpcsched bench compare`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsched.cli.bench_files import FILE, show_rendered
from hpcsched.cli.output import output_option, show_rows


@click.command(epilog="Example: hpcsched bench compare before.json after.json")
@click.argument("first", type=FILE)
@click.argument("second", type=FILE)
@click.option("--long", is_flag=True, help="Every difference of the fingerprints at full length.")
@output_option
def compare(first: Path, second: Path, long: bool, form: str) -> None:
    """Compare two runs: two nodes, two images, before and after a change. The ratio is SECOND / FIRST.

    Of each metric: bare metal (both arms of it), the container, and container / bare, from which cancels what changed for both.
    The samples of two runs are not paired: the interval tells the noise within each run, not what else changed between them; what
    the fingerprints show of that is listed.

    Plain columns: benchmark, metric, unit, arm, median of the first, of the second, ratio, margin, samples of both, p after
    correction, verdict.
    """
    import msgspec

    from hpcsched.bench.contrast import contrast
    from hpcsched.bench.contrast_report import render, rows
    from hpcsched.bench.result import Result

    found = contrast(Result.read(first), Result.read(second), (str(first), str(second)))
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=1))
    elif form == "plain":
        show_rows(list(rows(found)))
    else:
        show_rendered(lambda width: render(found, long, width))
