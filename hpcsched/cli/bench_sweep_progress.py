"""How far a sweep is, on stderr: a bar over its combinations on a terminal, elsewhere a line for each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from hpcsched.model.units import format_duration

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from hpcsched.bench.sweep import Ahead


@contextmanager
def sweep_progress() -> Iterator[Callable[[Ahead], None]]:
    """The function to tell of every combination and sample."""
    if not sys.stderr.isatty():
        yield _each_combination
        return
    from rich import progress
    from rich.console import Console

    columns = (progress.TextColumn("{task.description:40}"), progress.BarColumn(), progress.MofNCompleteColumn())
    with progress.Progress(
        *columns, progress.TextColumn("{task.fields[left]}"), console=Console(stderr=True), transient=True
    ) as bar:
        combinations, samples = (bar.add_task(what, total=None, left="") for what in ("combinations", "preparing"))
        yield lambda now: _move(bar, combinations, samples, now)


def _move(bar: Bar, combinations: TaskID, samples: TaskID, now: Ahead) -> None:
    bar.update(combinations, completed=now.done, total=now.total, left=left(now))
    if now.sample is None:
        bar.update(samples, description=f"{now.case.title}: preparing"[:40], completed=0, total=None)
    else:
        told = f"{now.case.title}: {now.sample.step.benchmark} {now.sample.step.arm}"
        bar.update(samples, description=told[:60], completed=now.sample.done, total=max(now.sample.planned, now.sample.done))


def left(now: Ahead) -> str:
    """`about 0:14:00 left`; empty while nobody knows."""
    return "" if now.left_s is None else f"about {format_duration(max(round(now.left_s), 1))} left"


def _each_combination(now: Ahead) -> None:
    if now.sample is None:
        rest = left(now)
        click.echo(f"{now.done} of {now.total} done, next {now.case.title}{f', {rest}' if rest else ''}", err=True)
