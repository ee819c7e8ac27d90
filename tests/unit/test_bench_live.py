"""What a run shows of itself while it measures, and what it does not."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from hpcsched.bench.runner import Progress, run
from hpcsched.cli.bench_live import Lines, Row, Seen, farthest, live, table
from hpcsched.testing.jobs import FakeJobs, Model
from tests.benchwide import wide, write


def told(pairs: int = 9, noise: float = 0.002) -> list[Progress]:
    found: list[Progress] = []
    jobs = FakeJobs(Model(container=0.5, noise=noise))
    run(jobs, ("stream", "dgemm"), pairs=pairs, budget_s=0, seed=1, progress=found.append, clock=jobs.clock)
    return found


def seen_after(steps: list[Progress]) -> Seen:
    seen = Seen()
    for step in steps:
        seen.tell(step)
    return seen


def text_of(seen: Seen, height: int = 40) -> str:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(table(seen, height))
    return console.export_text()


def test_before_the_first_sample_it_is_preparing() -> None:
    assert text_of(Seen()).strip() == "preparing"


def test_pairs_count_when_their_last_sample_is_taken() -> None:
    steps = told()
    seen = Seen()
    for step in steps:
        seen.tell(step)
        name = step.step.benchmark
        whole = {one.step.block for one in steps[: steps.index(step)] if one.step.benchmark == name and not one.step.warmup}
        assert seen.pairs(name) == len(whole - {step.step.block})


def test_a_row_for_each_metric_once_the_width_is_known() -> None:
    seen = seen_after(told())
    assert [row.name for row in seen.rows(99)] == [
        "dgemm gflops",
        *(f"stream {name}" for name in ("copy", "scale", "add", "triad")),
    ]
    assert all(row.half_width and row.wanted and row.planned >= row.pairs for row in seen.rows(99))


def test_no_ratio_and_no_verdict_is_shown_before_the_end() -> None:
    shown = "".join(text_of(seen_after(told()[:count])) for count in range(0, 48, 3))
    for word in ("0.5", "50.", "different", "equivalent", "not shown", "worse"):
        assert word not in shown.replace("±0.50%", "")
    assert "measuring" in shown


def test_a_low_terminal_shows_every_benchmark_and_the_one_at_work_in_full(tmp_path: Path) -> None:
    steps: list[Progress] = []
    wide(write(tmp_path), pairs=7, progress=steps.append)
    last = max(number for number, step in enumerate(steps) if step.step.benchmark == "mpi")
    rows = seen_after(steps[: last + 1]).rows(20)
    names = [row.name.split()[0] for row in rows]
    assert len(rows) <= 20
    assert len(set(names)) == 12
    assert names.count("mpi") == 6
    assert names.count("disk") == 1


def test_the_farthest_metric_stands_for_its_benchmark() -> None:
    rows = [Row("a x", "measuring", half_width=0.02, wanted=0.01), Row("a y", "measuring", half_width=0.03, wanted=0.03)]
    assert farthest(rows) == rows[:1]


def test_away_from_a_terminal_each_block_is_one_line_and_the_widest_interval_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for step in told(noise=0.05):
        lines.tell(step)
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 10
    assert printed[0].startswith("warm-up · ")
    assert "sample 7 of about 60" in printed[1]
    assert " · widest: stream " in printed[-1]


@pytest.fixture
def screen() -> Console:
    return Console(width=100, height=30, file=io.StringIO(), force_terminal=True)


def test_it_is_drawn_when_a_sample_begins_and_at_no_other_time(screen: Console) -> None:
    assert isinstance(screen.file, io.StringIO)
    threads = threading.active_count()
    with live(screen) as tell:
        assert threading.active_count() == threads, "a thread draws"
        sizes = []
        for step in told()[:6]:
            tell(step)
            sizes.append(len(screen.file.getvalue()))
    assert sizes == sorted(set(sizes))


def test_an_interrupt_while_it_is_shown_leaves_with_what_there_is(screen: Console) -> None:
    jobs = FakeJobs()
    with live(screen) as tell:
        result = run(jobs, ("dgemm",), pairs=50, seed=1, progress=stopping(tell, 30), clock=jobs.clock, precision=-1)
    assert result.stopped == "interrupted"
    assert len(result.samples) == 30
    assert result.comparisons


def stopping(tell: Callable[[Progress], None], after: int) -> Callable[[Progress], None]:
    def wrapped(now: Progress) -> None:
        tell(now)
        if now.done == after:
            raise KeyboardInterrupt

    return wrapped
