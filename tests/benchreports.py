"""Runs of made-up benchmarks, and what their reports look like to a reader."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from hpcsched.bench.report import render, write_html
from hpcsched.bench.result import Result
from hpcsched.bench.runner import run
from hpcsched.model.job import JobSpec
from hpcsched.testing.jobs import FakeJobs, Model


def measured(
    pairs: int = 7,
    fails: Callable[[int, JobSpec], str] = lambda order, spec: "",
    edit: Callable[[JobSpec, dict[str, Any]], dict[str, Any]] = lambda spec, answer: answer,
    **model: float,
) -> Result:
    jobs = FakeJobs(Model(**model), fails=fails, edit=edit)
    return run(jobs, ("stream", "dgemm"), pairs=pairs, seed=1, clock=jobs.clock)


def seeing(**facts: str) -> Callable[[JobSpec, dict[str, Any]], dict[str, Any]]:
    """Samples of all arms find these in their environment."""
    return lambda spec, answer: {**answer, "environment": {**answer.get("environment", {}), **facts}}


def html(result: Result, folder: Path) -> str:
    write_html(result, folder / "report.html")
    return (folder / "report.html").read_text()


def shown(result: Result, long: bool = False, width: int = 160) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(render(result, long, width))
    return console.export_text()
