"""`bench run` over a sweep: every combination, one tidy table."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from hpcsched.cli.bench_sweep_options import Asked, once
from hpcsched.cli.bench_sweep_progress import sweep_progress
from hpcsched.cli.bench_sweep_values import SIZES, applied, check_env, check_threads
from hpcsched.cli.context import Context
from hpcsched.cli.outcome import INTERRUPTED
from hpcsched.cli.output import Column, show, show_json, show_rows
from hpcsched.model.container import HOST
from hpcsched.model.units import format_count, format_figure

if TYPE_CHECKING:
    from hpcsched.bench.sweep import Sweep, Swept
    from hpcsched.bench.sweep_table import Row
    from hpcsched.model.job import ResourceRequest


def run_sweep(
    context: Context,
    asked: Asked,
    names: Sequence[str],
    resources: ResourceRequest,
    seed: int | None,
    form: str,
    refused: Sequence[object] = (),
    **plan: Any,
) -> int:
    """Exits 1 when a combination failed, 130 when it was interrupted. `plan`: size, pairs and the like of each one.

    `refused`: values of options that are for a single run.
    """
    from hpcsched.bench.sweep import run_sweep as measure
    from hpcsched.bench.sweep_folder import opened

    if any(refused):
        raise click.UsageError("a sweep has a report for each combination: name a folder with --out, no files and no --certify")
    sweep = planned(asked, names, resources, seed, **plan)
    folder = opened(asked.out) if asked.out else nullcontext()
    with folder as kept, context.client() as client, _terminated_as_interrupted(), sweep_progress() as tell:
        swept = measure(client, sweep, kept, tell)
    show_swept(swept, [axis.name for axis in sweep.axes], form)
    _say_the_rest(swept, asked)
    return INTERRUPTED if swept.interrupted else int(bool(swept.failed))


def planned(
    asked: Asked,
    names: Sequence[str],
    resources: ResourceRequest,
    seed: int | None,
    *,
    pairs: int | Mapping[str, int],
    image: str = HOST,
    **plan: Any,
) -> Sweep:
    """`pairs`: of every combination, or by size. Raises InvalidValue, NotFound, click.UsageError before anything runs."""
    from hpcsched.bench.plan import Arm
    from hpcsched.bench.suite import choose
    from hpcsched.bench.sweep import Case, Sweep, axis, expand

    own = asked.own(names, image)
    chosen = () if own else tuple(entry.about.name for entry in choose(names))
    arms = (Arm.CONTAINER,) if asked.no_compare else tuple(Arm)
    of_size = dict.fromkeys(SIZES, pairs) if isinstance(pairs, int) else pairs
    plan["pairs"] = of_size[plan["size"]]
    base = Case((), chosen, own, resources=resources, env=once(asked.env), arms=arms, image=image, **plan)
    axes = tuple(map(axis, asked.sweeps))
    check_threads(base, {one.name for one in axes})
    cases = tuple(replace(case, pairs=of_size[case.size]) for case in expand(base, axes, applied))
    check_env(own is not None, {name for case in cases for name, _ in case.env})
    return Sweep(base, axes, cases, seed)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """So that a service manager that ends it leaves no job behind."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say_the_rest(swept: Swept, asked: Asked) -> None:
    if swept.failed:
        click.echo(f"hpcsched: {swept.failed} of {format_count(swept.total, 'combination')} failed; the table says why", err=True)
    if swept.interrupted:
        further = "the same call goes on from here" if asked.out else "with --out FOLDER the same call would go on from here"
        click.echo(f"hpcsched: stopped after {swept.done} of {format_count(swept.total, 'combination')}; {further}", err=True)


def show_swept(swept: Swept, names: Sequence[str], form: str) -> None:
    """Plain columns: the parameters, then those of table.csv."""
    if form == "json":
        show_json([{**asdict(row), "parameters": dict(row.parameters)} for row in swept.rows])
    elif form == "plain":
        show_rows([row.cells(names) for row in swept.rows])
    else:
        show(swept.rows, _columns(names, swept.rows), (), form)


def _columns(names: Sequence[str], rows: Sequence[Row]) -> tuple[Column[Row], ...]:
    """Without what is empty in all rows."""
    every = (*map(_parameter, names), *_FIGURES)
    return tuple(column for column in every if column.title in _ALWAYS or any(column.text(row) for row in rows))


def _parameter(name: str) -> Column[Row]:
    return Column(name, lambda row: dict(row.parameters).get(name, ""), right=True)


def _number(value: float | None) -> str:
    return "" if value is None else format_figure(value)


def _span(low: float | None, high: float | None, text: Callable[[float], str]) -> str:
    return "" if low is None or high is None else f" [{text(low)}, {text(high)}]"


def _ratio(row: Row) -> str:
    return "" if row.ratio is None else f"{row.ratio:.4f}{_span(row.ratio_low, row.ratio_high, '{:.4f}'.format)}"


def _verdict(row: Row) -> str:
    """The note alone where there is no figure to judge."""
    return row.verdict if row.samples else row.note


_ALWAYS = ("BENCHMARK", "METRIC", "ARM", "N", "MEDIAN [95%]")
_FIGURES: tuple[Column[Any], ...] = (
    Column("BENCHMARK", lambda row: row.benchmark),
    Column("METRIC", lambda row: row.metric),
    Column("UNIT", lambda row: row.unit),
    Column("ARM", lambda row: row.arm),
    Column("N", lambda row: str(row.samples) if row.metric else "", right=True),
    Column("MEAN", lambda row: _number(row.mean), right=True),
    Column("MEDIAN [95%]", lambda row: f"{_number(row.median)}{_span(row.low, row.high, format_figure)}", right=True),
    Column("TO BARE METAL [95%]", _ratio, right=True),
    Column("VERDICT", _verdict, wide=True),
)
