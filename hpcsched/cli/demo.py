"""`hpcsched demo`."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hpcsched.cli.context import Context
from hpcsched.cli.leftovers import leftovers
from hpcsched.cli.upchild import up
from hpcsched.errors import HpcschedError

INSIDE = 'echo "inside $(hostname)"; grep -E "^(Cpus|Mems)_allowed_list" /proc/self/status; ls -d /proc/[0-9]* | wc -l'


class Tour:
    """Each stop is a command that a user could type; it is printed and run as such."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def stop(self, why: str, *args: str) -> None:
        """Raises HpcschedError when the command fails."""
        click.echo(f"\n{click.style(f'# {why}', dim=True)}\n{click.style(f'$ hpcsched {shlex.join(args)}', bold=True)}")
        sys.stdout.flush()
        from hpcsched.cli.main import INTERRUPTED, invoke

        code = invoke(args, self._context)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        if code:
            raise HpcschedError(f"`hpcsched {args[0]}` ended with exit code {code}")

    def newest_job(self) -> int:
        with self._context.client() as client:
            return max(job.id for job in client.jobs(include_ended=True, limit=1))

    def cgroups(self) -> list[str]:
        """Of all ended jobs, as their receipts show them."""
        with self._context.client() as client:
            parts = [part for record in client.records() for part in record.job.parts if part]
        return [part.observed.cgroup for part in parts if part.observed]


@click.command(epilog="Example: hpcsched demo --out /tmp/report")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("demo-out"), metavar="DIR", show_default=True
)
@click.option("--budget", type=click.FloatRange(5, 3600), default=90, metavar="SECONDS", show_default=True, help="For measuring.")
@click.pass_obj
def command(context: Context, out: Path, budget: float) -> None:
    """Start a controller and an agent on this host, run jobs, compare containers with bare metal, and stop everything again.

    Takes at most three minutes; the report goes to --out.
    """
    out.mkdir(parents=True, exist_ok=True)
    with _state_folder() as state:
        click.echo(f"$ hpcsched up --state {state}")
        with up(state) as address:
            tour = Tour(Context(address, context.verbose, context.connect, context.now))
            _walk(tour, out, budget)
            cgroups = tour.cgroups()
        left = leftovers(state, cgroups)
    if left:
        raise HpcschedError(f"the demo left something behind: {'; '.join(left)}")
    click.echo("\nStopped. No process, mount or control group is left.")
    click.echo(f"The report: {out / 'report.html'} (every sample: {out / 'report.json'})")


def _walk(tour: Tour, out: Path, budget: float) -> None:
    tour.stop("the node, as its agent read it from the hardware", "nodes")
    tour.stop("a job: one container, pinned to the node's cores and memory", "run", "--name", "hello", "--", "sh", "-c", INSIDE)
    tour.stop("its receipt: what was asked, and what the kernel really allowed", "receipt", str(tour.newest_job()))
    reports = ("--json", str(out / "report.json"), "--html", str(out / "report.html"))
    measure = ("bench", "run", "stream", "dgemm", "--size", "quick", "--budget", f"{budget:g}", *reports)
    tour.stop("the same benchmarks in the container and on bare metal, in interleaved pairs", *measure)
    tour.stop("what the jobs used", "records", "--limit", "5")


@contextmanager
def _state_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hpcsched-demo-", dir="/var/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
