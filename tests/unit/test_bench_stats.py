"""Intervals and verdicts on data whose truth is known because it was made here."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, ttest_ind, wilcoxon

from hpcsched.bench import ranks
from hpcsched.bench.checks import autocorrelation, outliers, widening
from hpcsched.bench.closing import closings
from hpcsched.bench.family import holm, pairs_for
from hpcsched.bench.plan import Wanted
from hpcsched.bench.ranks import exchanged, rejected, rejected_unpaired
from hpcsched.bench.stats import LEAST_PAIRS, Interval, Ratio, bootstrapped, equivalence_p, ratio, unpaired
from hpcsched.bench.verdict import Verdict, judge
from tests.benchnoise import ABOUT, measured, normal, samples, three_arms

FELTER = Path(__file__).parents[2].parent / "shared/data/overhead/felter2014_runs.csv"


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
    for tail in (0.025, 0.05):
        assert abs(math.floor(ranks._normal_signed_rank(100).inv_cdf(tail)) - rejected(100, tail)) <= 2
        assert abs(math.floor(ranks._normal_rank_sum(50, 50).inv_cdf(tail)) - rejected_unpaired(50, 50, tail)) <= 2


@given(st.integers(1, 9), st.integers(1, 9))
def test_rank_sums_are_counted_as_scipy_counts_them(one: int, other: int) -> None:
    first, second = list(range(one)), [one + 0.5 + place for place in range(other)]
    assert ranks.at_most_rank_sum(0, one, other) == pytest.approx(
        mannwhitneyu(first, second, alternative="less", method="exact").pvalue
    )
    assert math.fsum(ranks.rank_sum(one, other)) == pytest.approx(1.0)


@given(st.integers(LEAST_PAIRS, 12), st.integers(0, 1 << 30))
def test_shifts_of_unpaired_samples_end_where_the_rank_sum_test_begins_to_reject(count: int, seed: int) -> None:
    chance = numpy.random.default_rng(seed)
    first, second = chance.normal(0.0, 0.1, count), chance.normal(0.0, 0.1, count + 2)
    found = unpaired(list(numpy.exp(first)), list(numpy.exp(second)))
    assert found.wide is not None
    for end, outwards in ((math.log(found.wide.low), -1e-9), (math.log(found.wide.high), 1e-9)):
        assert mannwhitneyu(first - (end + outwards), second, method="exact").pvalue <= 0.05
        assert mannwhitneyu(first - (end - outwards), second, method="exact").pvalue > 0.05


@given(st.integers(LEAST_PAIRS, 20), st.integers(0, 1 << 30), st.floats(0.001, 0.1), st.floats(1.0, 3.0))
def test_the_two_one_sided_tests_reject_just_when_the_narrow_interval_lies_within_the_margin(
    pairs: int, seed: int, margin: float, widened: float
) -> None:
    arms = measured(numpy.random.default_rng(seed), normal, pairs, 1.0, 0.02)
    found, p = ratio(*arms, widened), equivalence_p(*arms, margin, widened)
    assert p is not None
    assert (p <= 0.05) == (judge(found, margin) is Verdict.EQUIVALENT)


def test_an_arm_that_is_the_slowest_of_each_block_has_the_least_p_there_is() -> None:
    blocks = [(1.0, [2.0 + place / 10, 2.5 + place / 10]) for place in range(7)]
    assert exchanged(blocks) == pytest.approx(2 / 3**7)
    assert exchanged([(1.0, [2.0])] * 7) == pytest.approx(2 / 2**7)
    assert exchanged([]) is None
    assert exchanged([(1.0, [1.0, 1.0])] * 7) == 1.0


def test_many_blocks_are_judged_by_moments_as_by_counting() -> None:
    chance = numpy.random.default_rng(1)
    places = [sorted(chance.choice(900, 3, replace=False).tolist()) for _ in range(200)]
    own = sum(three[0] for three in places[:110]) + sum(three[2] for three in places[110:])
    assert ranks._by_moments(own, places) == pytest.approx(ranks._by_counting(own, places), rel=0.02)


@given(st.lists(st.floats(0.0, 1.0), max_size=12))
def test_holm_keeps_the_order_and_never_makes_a_p_smaller(values: list[float]) -> None:
    found = holm(values)
    assert all(one <= more <= 1.0 for one, more in zip(values, found, strict=True))
    assert sorted(found) == [
        found[place] for place in sorted(range(len(values)), key=lambda place: (values[place], found[place]))
    ]


def test_holm_corrects_as_its_author_does() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_eight_pairs_are_enough_for_a_difference_among_a_hundred_metrics() -> None:
    assert [pairs_for(metrics) for metrics in (1, 18, 19, 100)] == [6, 6, 7, 8]
    assert 2 * 3.0 ** -pairs_for(60) * 60 <= 0.05


def test_outliers_are_flagged_and_equal_values_have_none() -> None:
    assert outliers([100.0, 101.0, 99.0, 100.5, 99.5, 60.0, 100.2]) == [5]
    assert outliers([1.0] * 8 + [2.0]) == []
    assert outliers([]) == []


def test_neighbours_that_resemble_each_other_are_found_and_independent_ones_are_not() -> None:
    rising = autocorrelation(numpy.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10]), seed=1)
    turning = autocorrelation(numpy.array([1.0, 9, 2, 8, 3, 7, 4, 6, 5, 5]), seed=1)
    assert rising is not None
    assert turning is not None
    assert rising[1] < 0.01
    assert turning[1] > 0.9
    assert autocorrelation(numpy.ones(9), seed=1) is None
    assert widening(*rising, 10) > 2
    assert widening(*turning, 10) == 1.0


def test_what_bare_metal_does_to_itself_is_added_before_the_verdict() -> None:
    slow = Ratio(20, 0.9, Interval(0.89, 0.91), Interval(0.895, 0.905))
    near = Ratio(20, 0.998, Interval(0.997, 0.999), Interval(0.9975, 0.9985))
    assert judge(slow, 0.01, allowance=0.05) is Verdict.DIFFERENT
    assert judge(slow, 0.01, allowance=0.12) is Verdict.NOT_SHOWN
    assert judge(near, 0.01, allowance=0.005) is Verdict.EQUIVALENT
    assert judge(near, 0.01, allowance=0.01) is Verdict.NOT_SHOWN


def test_a_difference_that_may_be_chance_among_many_is_not_called_one() -> None:
    slow = Ratio(20, 0.9, Interval(0.89, 0.91), Interval(0.895, 0.905))
    assert judge(slow, 0.01, p=0.06) is Verdict.NOT_SHOWN
    assert judge(slow, 0.01, p=0.05) is Verdict.DIFFERENT


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


@pytest.mark.parametrize(
    ("benchmark", "log", "estimate", "margin", "verdict", "significant"),
    [
        ("linpack", "two-socket.interleavedalloc", 1.0001, 0.01, Verdict.EQUIVALENT, False),
        ("stream_Triad", "single-socket.localalloc", 0.9997, 0.005, Verdict.EQUIVALENT, False),
        ("stream_Scale", "single-socket.localalloc", 0.9995, 0.01, Verdict.EQUIVALENT, True),
        ("gups", "single-socket.localalloc", 0.9825, 0.02, Verdict.NOT_SHOWN, False),
    ],
)
def test_ranks_of_published_runs_say_what_their_means_say(
    benchmark: str, log: str, estimate: float, margin: float, verdict: Verdict, significant: bool
) -> None:
    """Runs of different days, ten in each arm: nothing pairs them."""
    found = unpaired(*(list(numpy.exp(arm)) for arm in felter(benchmark, log)))
    assert found.wide is not None
    assert found.estimate == pytest.approx(estimate, abs=0.005)
    assert found.wide.holds(1.0) is not significant
    assert judge(found, margin) is verdict


def test_the_control_decides_how_far_an_interval_has_come_unless_the_container_is_far_noisier() -> None:
    arms = three_arms(numpy.random.default_rng(2), normal, 12, 1.0, 0.01)
    (calm,) = closings(ABOUT, samples(arms), Wanted(50))
    control = ratio(arms[:, 2].tolist(), arms[:, 1].tolist()).narrow
    assert control is not None
    assert calm.half_width == control.half_width()
    arms[:, 0] **= 10
    (loud,) = closings(ABOUT, samples(arms), Wanted(50))
    own = ratio(arms[:, 0].tolist(), arms[:, 1].tolist()).narrow
    assert own is not None
    assert loud.half_width == own.half_width() / 1.5 > 2 * calm.half_width
