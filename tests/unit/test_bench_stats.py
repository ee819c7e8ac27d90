"""Intervals and verdicts on data whose truth is known because it was made here."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import ttest_ind, wilcoxon

from hpcsched.bench.stats import LEAST_PAIRS, Interval, Ratio, bootstrapped, ratio, rejected
from hpcsched.bench.verdict import Verdict, judge, pairs_needed

Noise = Callable[[numpy.random.Generator, int], numpy.ndarray]
FELTER = Path(__file__).parents[2].parent / "shared/data/overhead/felter2014_runs.csv"


def normal(chance: numpy.random.Generator, count: int) -> numpy.ndarray:
    return chance.normal(0.0, 1.0, count)


def heavy_tails(chance: numpy.random.Generator, count: int) -> numpy.ndarray:
    return chance.standard_t(3, count)


def slow_now_and_then(chance: numpy.random.Generator, count: int) -> numpy.ndarray:
    return chance.normal(0.0, 0.5, count) - (chance.random(count) < 0.1) * chance.exponential(5.0, count)


def drifting(chance: numpy.random.Generator, count: int) -> numpy.ndarray:
    """First-order autocorrelation of 0.5 on a slope of three standard deviations over the run."""
    steps = chance.normal(0.0, 1.0, count)
    for place in range(1, count):
        steps[place] += 0.5 * steps[place - 1]
    return steps + numpy.linspace(0.0, 3.0, count)


NOISES = (normal, heavy_tails, slow_now_and_then, drifting)


def measured(
    chance: numpy.random.Generator, noise: Noise, pairs: int, true: float, sigma: float
) -> tuple[list[float], list[float]]:
    """Both arms of `pairs` pairs, in random order within each, one after another in time."""
    logs = sigma * noise(chance, 2 * pairs).reshape(pairs, 2)
    swapped = chance.random(pairs) < 0.5
    container = numpy.where(swapped, logs[:, 0], logs[:, 1]) + math.log(true)
    bare = numpy.where(swapped, logs[:, 1], logs[:, 0])
    return list(numpy.exp(container)), list(numpy.exp(bare))


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("pairs", [6, 10, 15, 30])
def test_the_interval_covers_the_truth_as_often_as_it_says(noise: Noise, pairs: int) -> None:
    chance = numpy.random.default_rng(pairs)
    found = [ratio(*measured(chance, noise, pairs, 0.98, 0.01)) for _ in range(1000)]
    assert numpy.mean([one.wide.holds(0.98) for one in found if one.wide]) >= 0.93
    assert numpy.mean([one.narrow.holds(0.98) for one in found if one.narrow]) >= 0.88


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("pairs", [6, 15, 30])
def test_a_container_at_the_margin_is_called_equivalent_at_most_once_in_twenty(noise: Noise, pairs: int) -> None:
    chance = numpy.random.default_rng(pairs)
    sigma = 0.01 * math.sqrt(pairs) / 8
    verdicts = [judge(ratio(*measured(chance, noise, pairs, 0.99, sigma)), 0.01) for _ in range(1500)]
    assert verdicts.count(Verdict.EQUIVALENT) / len(verdicts) <= 0.06


@pytest.mark.parametrize("noise", NOISES)
def test_a_slowdown_of_five_per_cent_is_found(noise: Noise) -> None:
    chance = numpy.random.default_rng(5)
    verdicts = [judge(ratio(*measured(chance, noise, 15, 0.95, 0.01)), 0.005) for _ in range(300)]
    assert verdicts.count(Verdict.DIFFERENT) / len(verdicts) >= 0.95


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("pairs", [6, 15, 30])
def test_two_equal_arms_are_rarely_called_different(noise: Noise, pairs: int) -> None:
    chance = numpy.random.default_rng(pairs)
    verdicts = [judge(ratio(*measured(chance, noise, pairs, 1.0, 0.01)), 0.001) for _ in range(1000)]
    assert verdicts.count(Verdict.DIFFERENT) / len(verdicts) <= 0.06


def test_the_pairs_named_as_needed_show_equivalence_in_four_runs_of_five() -> None:
    chance = numpy.random.default_rng(8)
    pilots = [pairs_needed(ratio(*measured(chance, normal, 15, 1.0, 0.01)), 0.01) for _ in range(200)]
    needed = int(numpy.median(pilots))
    verdicts = [judge(ratio(*measured(chance, normal, needed, 1.0, 0.01)), 0.01) for _ in range(500)]
    assert 0.7 <= verdicts.count(Verdict.EQUIVALENT) / len(verdicts) <= 0.9


@given(st.integers(LEAST_PAIRS, 25), st.integers(0, 1 << 30), st.sampled_from([0.90, 0.95]))
def test_the_interval_ends_where_the_signed_rank_test_begins_to_reject(pairs: int, seed: int, level: float) -> None:
    chance = numpy.random.default_rng(seed)
    logs = chance.normal(0.0, 1.0, pairs)
    found = ratio(list(numpy.exp(logs)), [1.0] * pairs)
    interval = found.wide if level == 0.95 else found.narrow
    assert interval is not None
    for end, outwards in ((math.log(interval.low), -1e-9), (math.log(interval.high), 1e-9)):
        assert wilcoxon(logs - (end + outwards), method="exact").pvalue <= 1 - level
        assert wilcoxon(logs - (end - outwards), method="exact").pvalue > 1 - level


def test_the_ranks_of_many_pairs_agree_with_counting_them() -> None:
    from hpcsched.bench import stats

    for tail in (0.025, 0.05):
        assert abs(stats._rejected_many(100, tail) - rejected(100, tail)) <= 2


@given(st.lists(st.tuples(st.floats(0.5, 2.0), st.floats(0.5, 2.0)), min_size=LEAST_PAIRS, max_size=20))
def test_exchanging_the_arms_turns_the_ratio_over(pairs: list[tuple[float, float]]) -> None:
    one, other = [first for first, _ in pairs], [second for _, second in pairs]
    ahead, back = ratio(one, other), ratio(other, one)
    assert ahead.estimate is not None
    assert back.estimate == pytest.approx(1 / ahead.estimate)
    assert back.wide is not None
    assert ahead.wide is not None
    assert back.wide.low == pytest.approx(1 / ahead.wide.high)


@given(st.integers(0, 1 << 30), st.floats(0.001, 0.1))
def test_equivalence_is_never_claimed_with_an_interval_outside_the_margin(seed: int, margin: float) -> None:
    found = ratio(*measured(numpy.random.default_rng(seed), normal, 10, 1.0, 0.02))
    assume(judge(found, margin) is Verdict.EQUIVALENT)
    assert found.narrow is not None
    assert found.narrow.low >= 1 - margin
    assert found.narrow.high <= 1 + margin


def test_five_pairs_give_an_estimate_and_no_interval() -> None:
    found = ratio([1.0, 1.1, 1.2, 1.0, 1.1], [1.0] * 5)
    assert found.estimate == pytest.approx(1.08, abs=0.03)
    assert found.wide is None
    assert judge(found, 0.5) is Verdict.NOT_SHOWN


def test_no_pairs_give_no_estimate() -> None:
    assert ratio([], []) == Ratio(0)


def test_a_significant_difference_within_the_margin_is_equivalent() -> None:
    found = Ratio(30, 0.9995, Interval(0.9992, 0.9999), Interval(0.9993, 0.9998))
    assert judge(found, 0.01) is Verdict.EQUIVALENT
    assert judge(found, 0.0005) is Verdict.DIFFERENT


def test_the_bootstrap_is_the_same_for_the_same_seed_and_near_the_rank_interval() -> None:
    arms = measured(numpy.random.default_rng(3), normal, 30, 0.97, 0.01)
    found, ranks = bootstrapped(*arms, seed=4), ratio(*arms).wide
    assert found == bootstrapped(*arms, seed=4)
    assert found is not None
    assert ranks is not None
    assert found.low == pytest.approx(ranks.low, abs=0.005)
    assert found.high == pytest.approx(ranks.high, abs=0.005)


def test_samples_that_are_all_alike_have_no_bootstrap_interval() -> None:
    assert bootstrapped([1.0] * 8, [1.0] * 8, seed=1) is None


def felter(benchmark: str, log: str) -> tuple[list[float], list[float]]:
    """Logarithms of docker's and of Linux' runs."""
    if not FELTER.exists():
        pytest.skip(f"the raw runs of Felter et al. are not at {FELTER}")
    arms: dict[str, list[float]] = {"docker": [], "linux": []}
    for row in csv.DictReader(FELTER.read_text().splitlines()):
        if row["benchmark"] == benchmark and row["env"] in arms and row["logfile"] == f"{row['env']}.{log}.log":
            arms[row["env"]].append(math.log(float(row["value"])))
    return arms["docker"], arms["linux"]


def welch(one: list[float], other: list[float]) -> Ratio:
    """Arms that were not paired."""
    test = ttest_ind(one, other, equal_var=False)
    spans = (test.confidence_interval(level) for level in (0.95, 0.90))
    wide, narrow = (Interval(math.exp(span.low), math.exp(span.high)) for span in spans)
    return Ratio(len(one), math.exp(numpy.mean(one) - numpy.mean(other)), wide, narrow)


def test_published_runs_that_differ_significantly_are_still_equivalent_within_one_per_cent() -> None:
    found = welch(*felter("stream_Scale", "single-socket.localalloc"))
    assert found.wide is not None
    assert (found.estimate, found.wide.low, found.wide.high) == pytest.approx((0.9995, 0.9992, 0.9999), abs=1e-4)
    assert not found.wide.holds(1.0)
    assert judge(found, 0.01) is Verdict.EQUIVALENT


def test_published_linpack_runs_are_equivalent_within_one_per_cent() -> None:
    found = welch(*felter("linpack", "two-socket.interleavedalloc"))
    assert found.wide is not None
    assert (found.estimate, found.wide.low, found.wide.high) == pytest.approx((1.0001, 0.9967, 1.0036), abs=1e-4)
    assert judge(found, 0.01) is Verdict.EQUIVALENT


def test_published_random_access_runs_show_neither_a_difference_nor_equivalence_within_two_per_cent() -> None:
    """The log's name says one socket, its own option numactl --physcpubind=0-31 both."""
    found = welch(*felter("gups", "single-socket.localalloc"))
    assert found.wide is not None
    assert (found.estimate, found.wide.low, found.wide.high) == pytest.approx((0.9825, 0.9552, 1.0106), abs=2e-4)
    assert judge(found, 0.02) is Verdict.NOT_SHOWN
