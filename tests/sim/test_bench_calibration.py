"""Whether intervals and verdicts are wrong as seldom as they say, on made-up measurements with the noise of real machines."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy
import pytest

from hpcsched.bench.about import Metric
from hpcsched.bench.analysis import compare_all, counted, paired, summary
from hpcsched.bench.checks import Trend, autocorrelation, trend, widening
from hpcsched.bench.closing import closings
from hpcsched.bench.family import holm, summarize
from hpcsched.bench.plan import PILOT, Arm, Wanted, look_at
from hpcsched.bench.ranks import exchanged
from hpcsched.bench.runner import run
from hpcsched.bench.stats import LEAST_PAIRS, Ratio, log_ratios, ratio, unpaired
from hpcsched.bench.verdict import Comparison, Verdict, detectable, judge, pairs_needed
from hpcsched.testing.jobs import FakeJobs, Model
from tests.benchnoise import (
    ABOUT,
    NOISES,
    Noise,
    assert_at_least,
    assert_at_most,
    correlated,
    measured,
    normal,
    samples,
    three_arms,
)

COVERED = 0.93
"""What 95 % intervals cover at least."""
every_noise = pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.__name__)


@every_noise
@pytest.mark.parametrize("pairs", [6, 10, 15, 30])
def test_the_interval_covers_the_truth_as_often_as_it_says(noise: Noise, pairs: int) -> None:
    chance = numpy.random.default_rng(pairs)
    found = [ratio(*measured(chance, noise, pairs, 0.98, 0.01)) for _ in range(1000)]
    assert_at_least(COVERED, [one.wide.holds(0.98) for one in found if one.wide])
    assert_at_least(0.89, [one.narrow.holds(0.98) for one in found if one.narrow])


@every_noise
@pytest.mark.parametrize("pairs", [6, 15, 30])
def test_a_container_at_the_margin_is_called_equivalent_at_most_once_in_twenty(noise: Noise, pairs: int) -> None:
    chance = numpy.random.default_rng(pairs)
    sigma = 0.01 * math.sqrt(pairs) / 8
    found = [judge(ratio(*measured(chance, noise, pairs, 0.99, sigma)), 0.01) for _ in range(1500)]
    assert_at_most(0.05, [one is Verdict.EQUIVALENT for one in found])


@every_noise
@pytest.mark.parametrize("pairs", [6, 15, 30])
def test_two_equal_arms_are_rarely_called_different(noise: Noise, pairs: int) -> None:
    chance = numpy.random.default_rng(pairs)
    found = [judge(ratio(*measured(chance, noise, pairs, 1.0, 0.01)), 0.001) for _ in range(1000)]
    assert_at_most(0.05, [one is Verdict.DIFFERENT for one in found])


@every_noise
@pytest.mark.parametrize("blocks", [6, 8, 20])
def test_the_test_of_three_exchanged_arms_is_as_strict_as_it_says(noise: Noise, blocks: int) -> None:
    chance = numpy.random.default_rng(100 + blocks)
    arms = [numpy.log(three_arms(chance, noise, blocks, 1.0, 0.01)).tolist() for _ in range(600)]
    found = [exchanged([(row[0], row[1:]) for row in rows]) for rows in arms]
    assert_at_most(0.05, [p is not None and p <= 0.05 for p in found])
    assert_at_most(0.01, [p is not None and p <= 0.01 for p in found])


@dataclass(frozen=True)
class Ended:
    pairs: int
    comparison: Comparison


def until_narrow(chance: numpy.random.Generator, noise: Noise, true: float, sigma: float, most: int = 60) -> Ended:
    """One run as the runner makes it: a pilot, then on until the intervals are narrow enough, then the verdict."""
    arms, wanted = three_arms(chance, noise, most, true, sigma), Wanted(most)
    taken = samples(arms)
    for pairs in range(PILOT, most + 1):
        so_far = taken[: 3 * pairs]
        if look_at(pairs, LEAST_PAIRS) and closings(ABOUT, so_far, wanted)[0].narrow:
            break
    (found,) = compare_all((ABOUT,), so_far, {}, 1, wanted=wanted)
    return Ended(pairs, found)


@pytest.fixture(autouse=True)
def only_what_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bootstrap and the trends decide nothing, and take most of the time."""
    monkeypatch.setattr("hpcsched.bench.analysis.bootstrapped", lambda *_, seed: None)
    monkeypatch.setattr("hpcsched.bench.analysis.trend", lambda _: Trend())


@every_noise
def test_ending_when_intervals_are_narrow_leaves_their_coverage_and_the_error_at_the_margin_as_they_were(noise: Noise) -> None:
    """With a spread at which some runs end after the pilot and others much later: there early ends could do most harm."""
    chance = numpy.random.default_rng(11)
    runs = [until_narrow(chance, noise, 0.99, 0.005) for _ in range(500)]
    found = [one.comparison for one in runs]
    assert len({one.pairs for one in runs}) > 3
    assert_at_least(COVERED, [one.ratio.wide.holds(0.99) for one in found if one.ratio.wide])
    assert_at_most(0.05, [one.verdict is Verdict.EQUIVALENT for one in found])


def test_a_slowdown_of_two_per_cent_under_noise_of_one_is_found_in_95_runs_of_100() -> None:
    chance = numpy.random.default_rng(12)
    runs = [until_narrow(chance, normal, 0.98, 0.01) for _ in range(300)]
    assert_at_least(0.95, [one.comparison.verdict is Verdict.DIFFERENT for one in runs])
    assert numpy.median([one.pairs for one in runs]) < 30


def test_about_four_in_five_equal_arms_are_shown_equivalent_at_the_planned_size() -> None:
    chance = numpy.random.default_rng(13)
    runs = [until_narrow(chance, normal, 1.0, 0.01) for _ in range(300)]
    assert_at_least(0.78, [one.comparison.verdict is Verdict.EQUIVALENT for one in runs])


def test_the_smallest_difference_named_is_found_in_four_runs_of_five() -> None:
    chance = numpy.random.default_rng(14)
    told = numpy.median([detectable(ratio(*measured(chance, normal, 15, 1.0, 0.01))) for _ in range(200)])
    found = [ratio(*measured(chance, normal, 15, 1 + told, 0.01)).wide for _ in range(500)]
    assert 0.72 <= numpy.mean([not one.holds(1.0) for one in found if one]) <= 0.88


def test_the_pairs_named_as_needed_show_equivalence_in_four_runs_of_five() -> None:
    chance = numpy.random.default_rng(8)
    pilots = [pairs_needed(ratio(*measured(chance, normal, 15, 1.0, 0.01)), 0.01) for _ in range(200)]
    needed = int(numpy.median(pilots))
    verdicts = [judge(ratio(*measured(chance, normal, needed, 1.0, 0.01)), 0.01) for _ in range(500)]
    assert 0.7 <= verdicts.count(Verdict.EQUIVALENT) / len(verdicts) <= 0.9


def test_bare_metal_against_itself_is_called_different_no_more_often_than_by_chance() -> None:
    """Twenty whole runs of five metrics; in each, Holm's correction leaves 5 % for any of them."""
    different = []
    for seed in range(20):
        jobs = FakeJobs(Model(noise=0.02), seed=seed)
        result = run(jobs, ("stream", "dgemm"), pairs=10, seed=seed, clock=jobs.clock)
        different.append(any(Verdict.DIFFERENT in (one.verdict, one.control_verdict) for one in result.comparisons))
    assert_at_most(0.1, different)


def test_of_many_equal_metrics_any_is_called_different_in_one_run_of_twenty() -> None:
    chance = numpy.random.default_rng(16)
    runs = []
    for _ in range(300):
        rows = [numpy.log(three_arms(chance, normal, 8, 1.0, 0.01)).tolist() for _ in range(12)]
        values = [exchanged([(row[0], row[1:]) for row in one]) or 1.0 for one in rows]
        runs.append(min(holm(values)) <= 0.05)
    assert_at_most(0.05, runs)


def of_its_own(chance: numpy.random.Generator, pairs: int, rho: float) -> Ratio:
    """Two arms, each with a memory of its own from block to block, which no order of the arms can help against."""
    one, other = (numpy.exp(0.01 * correlated(chance, pairs, rho)).tolist() for _ in range(2))
    lag, p = autocorrelation(log_ratios(one, other), seed=1) or (0.0, 1.0)
    return ratio(one, other, widening(lag, p, pairs))


@pytest.mark.parametrize(("pairs", "rho", "covered"), [(40, 0.0, COVERED), (40, 0.3, 0.90), (40, 0.5, 0.90), (20, 0.5, 0.85)])
def test_intervals_are_widened_when_neighbouring_ratios_resemble_each_other(pairs: int, rho: float, covered: float) -> None:
    """Without it they would cover 85 % at a correlation of 0.3, and 75 % at 0.5."""
    chance = numpy.random.default_rng(17)
    found = [of_its_own(chance, pairs, rho) for _ in range(400)]
    assert_at_least(covered, [one.wide.holds(1.0) for one in found if one.wide])


def test_a_drift_is_found_where_there_is_one_and_rarely_elsewhere() -> None:
    chance = numpy.random.default_rng(18)
    flat = [trend(numpy.exp(0.01 * chance.standard_t(3, 30)).tolist()) for _ in range(300)]
    sloping = [trend(numpy.exp(0.01 * chance.normal(0, 1, 30) + numpy.linspace(0, 0.04, 30)).tolist()) for _ in range(100)]
    assert_at_most(0.01, [one.noted for one in flat])
    assert_at_least(0.9, [one.noted for one in sloping])
    assert numpy.median([one.change for one in sloping]) == pytest.approx(0.04, abs=0.005)


@pytest.mark.parametrize("benchmarks", [1, 4, 13])
def test_the_interval_of_the_geometric_mean_covers_the_truth(benchmarks: int) -> None:
    chance = numpy.random.default_rng(benchmarks)
    found = [
        summarize({str(number): 0.01 * chance.standard_t(3, 8) * chance.exponential() for number in range(benchmarks)})
        for _ in range(500)
    ]
    assert_at_least(COVERED, [one.interval.holds(1.0) for one in found if one])


def test_the_geometric_mean_counts_a_benchmark_once_and_turns_times_over() -> None:
    arms = three_arms(numpy.random.default_rng(19), normal, 12, 0.9, 0.001)
    found = summary((ABOUT,), samples(arms), ())
    assert found is not None
    assert found.ratio == pytest.approx(0.9, abs=0.002)
    assert found.benchmarks == ("made",)
    lower = dataclasses.replace(ABOUT, metrics=(Metric("speed", "s", higher_is_better=False),))
    times = summary((lower,), samples(arms), ())
    assert times is not None
    assert times.ratio == pytest.approx(1 / 0.9, abs=0.002)


def test_a_benchmark_with_a_void_metric_is_left_out_of_the_geometric_mean() -> None:
    taken = [
        dataclasses.replace(sample, cpus="")
        for sample in samples(three_arms(numpy.random.default_rng(19), normal, 12, 0.9, 0.001))
    ]
    comparisons = compare_all((ABOUT,), taken, {}, 1)
    assert {one.verdict for one in comparisons} == {Verdict.VOID}
    assert summary((ABOUT,), taken, comparisons) is None


@pytest.mark.parametrize("sizes", [(6, 6), (10, 10), (8, 30), (60, 60)])
def test_the_interval_of_samples_that_are_not_paired_covers_the_truth(sizes: tuple[int, int]) -> None:
    chance = numpy.random.default_rng(20)
    one, other = sizes
    found = [
        unpaired(numpy.exp(0.01 * chance.standard_t(3, one)).tolist(), numpy.exp(0.01 * chance.standard_t(3, other)).tolist())
        for _ in range(500)
    ]
    assert_at_least(COVERED, [each.wide.holds(1.0) for each in found if each.wide])


def test_pairs_are_taken_from_blocks_that_have_both_arms() -> None:
    taken = samples(three_arms(numpy.random.default_rng(21), normal, 6, 1.0, 0.01))[1:]
    assert len(paired(counted(taken, "made"), ABOUT.metrics[0], Arm.CONTAINER)[0]) == 5
