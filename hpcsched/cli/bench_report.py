"""`hpcsched bench report`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsched.cli.bench_files import FILE, file_options, long_option, show_result, write_files
from hpcsched.cli.output import output_option


@click.command(epilog="Example: hpcsched bench report report.json --html report.html")
@click.argument("file", type=FILE)
@file_options("html", "csv")
@long_option
@output_option
def report(file: Path, html_file: Path | None, csv_file: Path | None, long: bool, form: str) -> int:
    """Show a run again from the file that `bench run --json` wrote.

    Exits 1 when a benchmark of that run could not be run. Plain columns: benchmark, metric, unit, medians of bare metal and
    container, ratio, control, margin, pairs, verdict.
    """
    from hpcsched.bench.result import Result

    result = Result.read(file)
    write_files(result, html_file=html_file, csv_file=csv_file)
    show_result(result, form, long)
    return int(bool(result.failed))
