"""Which figures a job may name to have nodes that are equally fast in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hpcsched.controller.metrics import Metrics
from hpcsched.errors import InvalidValue
from hpcsched.model.certificate import Certified, CertifiedFigure
from hpcsched.model.job import JobSpec
from hpcsched.model.node import Node
from hpcsched.testing import nouns

SPEC = JobSpec(command=("true",), nodes=2)
TOY = """
from hpcsched.bench.about import About, Metric
ABOUT = About("toy", "nothing", "this test", (Metric("speed", "GB/s"),), 0.01)
"""


def asking(*names: str) -> list[JobSpec]:
    return [replace(SPEC, equal_speed=name) for name in names]


def certified(*names: str) -> Node:
    figures = tuple(CertifiedFigure(name, 1.0, "") for name in names)
    return replace(nouns.node(), certified=(Certified("0" * 16, "host", (), 1.0, figures),))


async def test_metrics_of_benchmarks_and_none_are_taken() -> None:
    await Metrics().require(asking("", "none", "stream.triad", "dgemm.gflops"), ())


async def test_one_that_no_benchmark_has_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidValue, match=r"no benchmark measures 'stream\.traid', .* did you mean stream\.triad"):
        await Metrics().require(asking("stream.triad", "stream.traid"), ())
    with pytest.raises(InvalidValue, match="`hpcsched bench list` names"):
        await Metrics().require(asking("zzz"), ())


async def test_what_a_certificate_of_some_program_shows_is_taken_but_no_overhead() -> None:
    nodes = [certified("app.rate", "overhead.app")]
    await Metrics().require(asking("app.rate"), nodes)
    with pytest.raises(InvalidValue, match=r"'overhead\.app'"):
        await Metrics().require(asking("overhead.app"), nodes)


async def test_benchmarks_of_the_folder_for_canaries_count(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(TOY)
    await Metrics(str(tmp_path)).require(asking("toy.speed", "stream.triad"), ())


async def test_a_controller_without_benchmarks_takes_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPCSCHED_BENCHMARKS", str(tmp_path))
    await Metrics().require(asking("app.rate"), ())
