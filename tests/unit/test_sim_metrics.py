"""The figures of a simulation, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.errors import InvalidValue
from hpcsched.sim.metrics import Steps, bounded_slowdowns, figures, jain, queue_over_time, use_over_time
from hpcsched.sim.outcome import Outcome, Ran
from hpcsched.sim.plots import means_between, plot
from hpcsched.sim.starts import starts_csv
from hpcsched.sim.trace import Trace, TraceJob


def ran(number: int, submit: float, start: float, run: float, processors: int = 1, user: str = "u1", lost: bool = False) -> Ran:
    return Ran(TraceJob(number, submit, run, processors, 2 * run, user), start, start + run, lost)


def outcome(*jobs: Ran, label: str = "easy") -> Outcome:
    return Outcome(label, Trace("made up", tuple(one.job for one in jobs), 10), 10, jobs)


TWO = outcome(ran(1, 0, 0, 100, 10), ran(2, 50, 100, 5, 4, "u2"))


def test_waits_and_slowdowns_are_those_of_the_definitions() -> None:
    found = figures(TWO)
    assert (found.mean_wait_s, found.median_wait_s, found.max_wait_s) == (25, 25, 50)
    assert bounded_slowdowns(TWO.ran).tolist() == [1.0, 5.5]
    assert found.mean_bounded_slowdown == 3.25


def test_a_short_job_that_did_not_wait_has_a_slowdown_of_one() -> None:
    assert bounded_slowdowns([ran(1, 7, 7, 0.5)]).tolist() == [1.0]


def test_utilisation_is_the_share_of_processor_seconds() -> None:
    found = figures(TWO)
    assert found.makespan_s == 105
    assert found.utilisation == pytest.approx((100 * 10 + 5 * 4) / (10 * 105))


def test_the_queue_is_counted_over_time() -> None:
    steps = queue_over_time([ran(1, 0, 10, 5), ran(2, 5, 10, 5), ran(3, 10, 20, 5)])
    assert (steps.times.tolist(), steps.heights.tolist()) == ([0, 5, 10, 20], [1, 2, 1, 0])
    assert steps.mean() == (5 * 1 + 5 * 2 + 10 * 1) / 20
    assert figures(TWO).max_queue == 1


def test_lost_jobs_are_counted_apart() -> None:
    found = figures(outcome(ran(1, 0, 0, 100), ran(2, 0, 999, 100, lost=True)))
    assert (found.jobs, found.lost, found.max_wait_s) == (1, 1, 0)


def test_users_are_listed_worst_first() -> None:
    assert [(user.user, user.jobs, user.mean_bounded_slowdown) for user in figures(TWO).users] == [("u2", 1, 5.5), ("u1", 1, 1.0)]


def test_a_simulation_of_nothing_has_figures() -> None:
    found = figures(outcome())
    assert (found.jobs, found.mean_wait_s, found.utilisation, found.fairness) == (0, 0, 0, 1)


def test_fairness_is_one_where_all_are_alike_and_a_share_where_one_has_all() -> None:
    assert jain([3, 3, 3, 3]) == 1
    assert jain([5, 0, 0, 0]) == 0.25


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.floats(0.01, 100))
def test_fairness_does_not_depend_on_the_unit(values: list[float], factor: float) -> None:
    assert 1 / len(values) - 1e-9 <= jain(values) <= 1 + 1e-9
    if sum(values) > 1e-3:
        assert jain([value * factor for value in values]) == pytest.approx(jain(values))


jobs = st.builds(ran, st.just(1), st.integers(0, 50), st.integers(50, 99), st.integers(1, 50), st.integers(1, 9))


@given(st.lists(jobs, min_size=1, max_size=20))
def test_processors_over_time_add_up_to_what_was_used(found: list[Ran]) -> None:
    steps = use_over_time(found)
    area = sum(height * width for height, width in zip(steps.heights[:-1], steps.times[1:] - steps.times[:-1], strict=True))
    assert area == pytest.approx(sum(one.job.run * one.job.processors for one in found))
    assert steps.heights[-1] == 0
    assert (steps.heights >= 0).all()


@given(st.lists(jobs, min_size=1, max_size=20), st.integers(1, 40))
def test_a_plotted_line_keeps_the_area(found: list[Ran], points: int) -> None:
    steps: Steps = use_over_time(found)
    edges, means = means_between(steps, points)
    assert float((means * (edges[1:] - edges[:-1])).sum()) == pytest.approx(
        sum(one.job.run * one.job.processors for one in found)
    )


def test_starts_are_written_as_whole_numbers_where_they_are() -> None:
    text = starts_csv(outcome(ran(7, 10, 20, 5), ran(8, 10.25, 20.5, 5)))
    assert text == "id,submit,start,run,procs,est\n7,10,20,5,1,10\n8,10.25,20.5,5,1,10\n"


@pytest.mark.parametrize(("name", "begins"), [("a.svg", b"<?xml"), ("a.PNG", b"\x89PNG")])
def test_a_plot_is_a_picture_and_the_same_each_time(tmp_path: Path, name: str, begins: bytes) -> None:
    path = tmp_path / name
    plot((TWO, outcome(ran(1, 0, 3, 100), label="other")), path)
    first = path.read_bytes()
    plot((TWO, outcome(ran(1, 0, 3, 100), label="other")), path)
    assert first.startswith(begins)
    assert path.read_bytes() == first


def test_a_plot_of_nothing_is_a_picture(tmp_path: Path) -> None:
    plot((outcome(),), tmp_path / "empty.svg")
    assert (tmp_path / "empty.svg").stat().st_size > 1000


def test_a_plot_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match=r"cannot plot to a.pdf: name it \*.svg or \*.png"):
        plot((TWO,), tmp_path / "a.pdf")
