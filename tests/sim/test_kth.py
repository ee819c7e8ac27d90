"""KTH-SP2 with 100 processors: what independent simulators published comes out of our state and policies, to the last job.

The trace is not part of this project (acknowledge Lars Malinowsky, who gave it to the Parallel Workloads Archive).
"""

from __future__ import annotations

import csv
import gzip
from functools import cache
from pathlib import Path

import pytest

from hpcsched.sim.engine import Setting, simulate
from hpcsched.sim.metrics import Figures, figures
from hpcsched.sim.outcome import Outcome
from hpcsched.sim.study import UNSETTLED, policy_class
from hpcsched.sim.swf import read_swf
from hpcsched.sim.trace import first_jobs

SWF = Path(__file__).parents[3] / "shared" / "data" / "swf"
TRACE = SWF / "KTH-SP2-1996-filtered-predictsim.swf.gz"
FIRST = 4000
pytestmark = pytest.mark.skipif(not TRACE.exists(), reason=f"no {TRACE}: the traces of others are not part of this project")


@cache
def outcome(policy: str) -> Outcome:
    return simulate(read_swf(TRACE), policy_class(policy)(), Setting(100, site=UNSETTLED), policy)


@cache
def found(policy: str) -> Figures:
    return figures(outcome(policy))


def expected_starts(name: str) -> dict[int, float]:
    with gzip.open(SWF / f"expected-KTH-SP2-{name}.csv.gz", "rt") as file:
        return {int(row["id"]): float(row["start"]) for row in csv.DictReader(file)}


def test_every_job_starts_when_it_was_published_to_start() -> None:
    """The same for `sjbf` and `conservative`, and how long it takes: `make perf`."""
    assert differing(outcome("easy"), expected_starts("easy")) == {}
    assert len(outcome("easy").ran) == 28_481
    assert found("easy").mean_wait_s == pytest.approx(6836.872090, abs=1e-6)
    assert found("easy").mean_bounded_slowdown == pytest.approx(92.576539734, abs=1e-6)


@pytest.mark.parametrize(("policy", "file"), [("sjbf", "sjbf"), ("conservative", "cons")])
def test_the_first_jobs_start_when_they_were_published_to_start(policy: str, file: str) -> None:
    """Those that start before the first one that is left out would have come."""
    trace = read_swf(TRACE)
    until = trace.jobs[FIRST].submit
    expected = {job: start for job, start in expected_starts(file).items() if start < until}
    assert len(expected) > 0.9 * FIRST
    first = simulate(first_jobs(trace, FIRST), policy_class(policy)(), Setting(100, site=UNSETTLED), policy)
    assert differing(first, expected) == {}


def differing(outcome: Outcome, expected: dict[int, float]) -> dict[int, tuple[float, float | None]]:
    starts = {ran.job.id: ran.start for ran in outcome.ran}
    return {job: (start, starts.get(job)) for job, start in expected.items() if starts.get(job) != start}


def test_wfp_shortens_waits_without_making_the_longest_much_longer() -> None:
    easy, wfp = found("easy"), found("wfp")
    assert wfp.jobs == easy.jobs == 28_481
    assert wfp.mean_wait_s <= 0.76 * easy.mean_wait_s
    assert wfp.mean_bounded_slowdown <= 0.60 * easy.mean_bounded_slowdown
    assert wfp.max_wait_s <= 1.3 * easy.max_wait_s


@pytest.mark.parametrize(
    ("name", "jobs", "processors"),
    [("NASA-iPSC-1993-3.1-cln", 18_239, 128), ("lublin_256", 10_000, 256), ("theta_walltime", 23_387, 4392)],
)
def test_other_traces_are_read_whole(name: str, jobs: int, processors: int) -> None:
    trace = read_swf(SWF / f"{name}.swf.gz")
    assert (len(trace.jobs), trace.processors, trace.skipped) == (jobs, processors, ())
