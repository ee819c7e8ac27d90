"""`hpcsched bench`: the group; each of its commands has a file of its own."""

from __future__ import annotations

import click

from hpcsched.cli.bench_compare import compare
from hpcsched.cli.bench_list import list_benchmarks
from hpcsched.cli.bench_report import report
from hpcsched.cli.bench_run import run
from hpcsched.cli.bench_schema import schema


@click.group(epilog="Example: hpcsched bench run stream --size quick")
def command() -> None:
    """Compare containers with bare metal: the same program, the same pinning, in interleaved pairs."""


for below in (list_benchmarks, run, report, compare, schema):
    command.add_command(below)
