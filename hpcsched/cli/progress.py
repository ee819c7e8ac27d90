"""How far a benchmark run or a simulation is, on stderr: a bar on a terminal, elsewhere a line for each pair or nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from hpcsched.model.units import format_duration

if TYPE_CHECKING:
    from hpcsched.bench.runner import Progress


@contextmanager
def bench_progress() -> Iterator[Callable[[Progress], None]]:
    """The function to tell of every sample."""
    if not sys.stderr.isatty():
        yield _Lines().tell
        return
    from rich import progress
    from rich.console import Console

    columns = (progress.TextColumn("{task.description:24}"), progress.BarColumn(), progress.MofNCompleteColumn())
    with progress.Progress(*columns, progress.TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("preparing", total=None)
        yield lambda now: bar.update(task, description=_what(now), completed=now.done, total=max(now.planned, now.done))


@contextmanager
def jobs_progress() -> Iterator[Callable[[int, int], None] | None]:
    """The function to tell how many jobs are done, and of how many; None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress
    from rich.console import Console

    columns = (progress.TextColumn("simulated jobs"), progress.BarColumn(), progress.MofNCompleteColumn())
    with progress.Progress(*columns, progress.TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    """Says each block once."""

    def __init__(self) -> None:
        self._block = -1

    def tell(self, now: Progress) -> None:
        if now.step.block != self._block:
            self._block = now.step.block
            kind = "warm-up" if now.step.warmup else f"pair {now.step.block}"
            click.echo(f"{format_duration(now.elapsed_s)} {kind}: sample {now.done + 1} of about {now.planned}", err=True)


def _what(now: Progress) -> str:
    return f"{now.step.benchmark} {now.step.arm.value}{' (warm-up)' if now.step.warmup else ''}"
