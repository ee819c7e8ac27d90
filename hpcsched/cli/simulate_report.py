"""What a simulation found, as text: figures side by side, what was left out, starts as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from hpcsched.cli import wording
from hpcsched.cli.output import Column, clean, show, show_json, show_rows
from hpcsched.model.units import format_count
from hpcsched.sim.metrics import Figures
from hpcsched.sim.outcome import Outcome
from hpcsched.sim.starts import starts_csv
from hpcsched.sim.trace import Trace

Row = tuple[str, ...]


def _seconds(value: float) -> str:
    return wording.span(value)


def _fine(value: float) -> str:
    return f"{value:.6f}"


_ROWS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("jobs that ran", "jobs", "{:.0f}".format),
    ("jobs lost to failures or other jobs", "lost", "{:.0f}".format),
    ("jobs refused by limits", "refused", "{:.0f}".format),
    ("jobs that never started", "stuck", "{:.0f}".format),
    ("failures of nodes", "failures", "{:.0f}".format),
    ("preemptions", "preemptions", "{:.0f}".format),
    ("processor hours in vain", "wasted_hours", "{:.1f}".format),
    ("wait, mean", "mean_wait_s", _seconds),
    ("wait, median", "median_wait_s", _seconds),
    ("wait, 95 of 100 under", "p95_wait_s", _seconds),
    ("wait, longest", "max_wait_s", _seconds),
    ("bounded slowdown, mean", "mean_bounded_slowdown", _fine),
    ("bounded slowdown, median", "median_bounded_slowdown", _fine),
    ("bounded slowdown, 95 of 100 under", "p95_bounded_slowdown", _fine),
    ("bounded slowdown, largest", "max_bounded_slowdown", _fine),
    ("processors in use", "utilisation", "{:.2%}".format),
    ("makespan", "makespan_s", _seconds),
    ("waiting jobs, mean", "mean_queue", "{:.1f}".format),
    ("waiting jobs, most", "max_queue", "{:.0f}".format),
    ("fairness among users (Jain, 1: all alike)", "fairness", "{:.4f}".format),
)
_ONLY_IF = frozenset({"lost", "refused", "stuck", "failures", "preemptions", "wasted_hours"})
"""Not worth a line where they are 0."""
PLAIN_FIELDS = ("processors", *(name for _, name, _ in _ROWS), "passes", "took_s")


def tell(outcomes: Sequence[Outcome], changed: Sequence[str] = ()) -> None:
    """What was left out or changed of the trace and of the settings, on stderr."""
    trace = outcomes[0].trace
    what = "record" if trace.own else "line"
    notes = [f"skipped {format_count(count, what)}: {why}" for why, count in trace.skipped]
    notes += trace.samples
    cut, unknown = sum(job.cut for job in trace.jobs), trace.no_estimate
    notes += [f"ran longer than asked for and is cut to that: {format_count(cut, 'job')}"] if cut else []
    notes += [f"had no requested time, the run time is taken for it: {format_count(unknown, 'job')}"] if unknown else []
    notes += [*_not_known(trace), *changed]
    for outcome in outcomes:
        notes += [f"{outcome.label}: refused {format_count(count, 'job')}: {why}" for why, count in outcome.refused[:5]]
        stuck = f"{outcome.label}: {format_count(outcome.stuck, 'job')} never started: {outcome.stuck_why}"
        notes += [stuck] if outcome.stuck else []
    for note in notes:
        click.echo(clean(note), err=True)


def _not_known(trace: Trace) -> Iterator[str]:
    """Of our own accounting."""
    arrays = sum(job.tasks > 0 for job in trace.jobs)
    if arrays:
        yield f"array, whose tasks are simulated as equally long, each by itself on a node: {format_count(arrays, 'job')}"
    if trace.guessed:
        guessed = format_count(trace.guessed, "job")
        yield f"array of unknown time on nodes, taken to have had all its nodes from start to end: {guessed}"
    if trace.shared:
        yield f"shared a container, and is simulated as one job with the others in it: {format_count(trace.shared, 'job')}"


def write_starts(outcomes: Sequence[Outcome], path: Path) -> None:
    """One file; of several simulations one file each, with the label in its name."""
    for outcome in outcomes:
        label = f"-{outcome.label.replace(' ', '-')}" if len(outcomes) > 1 else ""
        path.with_name(f"{path.stem}{label}{path.suffix}").write_text(starts_csv(outcome))


def show_figures(found: Sequence[Figures], form: str) -> None:
    if form == "json":
        show_json(found)
    elif form == "plain":
        show_rows([[name, *(f"{getattr(figures, name):.15g}" for figures in found)] for name in PLAIN_FIELDS])
    else:
        first = found[0]
        click.echo(f"{clean(first.trace)} on {first.processors} processors")
        show(_table(found), _columns(found), (), form)


def _columns(found: Sequence[Figures]) -> tuple[Column[Row], ...]:
    labels = [figures.label for figures in found]
    titles = ["", *labels, *(f"{label} / {labels[0]}" for label in labels[1:])]
    return tuple(Column(title, _cell(at), right=at > 0) for at, title in enumerate(titles))


def _cell(at: int) -> Callable[[Row], str]:
    return lambda row: row[at]


def _table(found: Sequence[Figures]) -> list[Row]:
    rows: list[Row] = []
    for title, name, text in _ROWS:
        values = [float(getattr(figures, name)) for figures in found]
        if name not in _ONLY_IF or any(values):
            rows.append((title, *map(text, values), *(_ratio(value, values[0]) for value in values[1:])))
    took = [figures.took_s for figures in found]
    return [*rows, ("simulated in", *map(_seconds, took), *("" for _ in took[1:]))]


def _ratio(value: float, base: float) -> str:
    return f"{value / base:.3f}" if base else ""
