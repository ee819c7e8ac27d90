"""What a run is said to have been able to show."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from hpcsched.bench.power import power
from hpcsched.bench.report import size
from hpcsched.bench.verdict import Comparison, Verdict
from hpcsched.bench.wording import roughly
from tests.benchreports import html, measured, shown

NOISY = measured(noise=0.2)


def changed(**fields: object) -> list[Comparison]:
    return [dataclasses.replace(one, **fields) for one in NOISY.comparisons]  # type: ignore[arg-type]


def test_the_smallest_difference_that_could_have_been_shown_is_told_with_its_metric() -> None:
    told = next(iter(power(NOISY.comparisons)))
    sizes = {one.detectable: f"({one.benchmark} {one.metric.name})" for one in NOISY.comparisons}
    least, most = min(filter(None, sizes)), max(filter(None, sizes))
    assert told.index(f"{size(least)} {sizes[least]}") < told.index(f"{size(most)} {sizes[most]}")


def test_what_it_takes_counts_each_benchmark_once_by_its_noisiest_metric() -> None:
    (told,) = (line for line in power(NOISY.comparisons) if "would take" in line)
    needed = {one.benchmark: 0 for one in NOISY.comparisons}
    for one in NOISY.comparisons:
        needed[one.benchmark] = max(needed[one.benchmark], one.pairs_needed)
    assert f"about {min(needed.values()):,} to {max(needed.values()):,} pairs by benchmark" in told
    assert f"{roughly(sum(needed.values()) * NOISY.comparisons[0].pair_s)} in all at this pace" in told


def test_of_one_metric_it_is_told_by_name() -> None:
    told = list(power(NOISY.comparisons[:1]))
    assert told[1].startswith("Equivalence of stream copy, which was not shown, if the arms are equal, would take about ")


def test_pairs_are_not_advised_where_bare_metal_differed_from_itself() -> None:
    told = list(power(changed(allowance=0.1)))
    assert "Equivalence of 5 metrics takes a quieter machine rather than more pairs: bare metal differed from itself." in told
    assert not any("would take" in line for line in told)


def test_nothing_is_told_of_what_was_not_compared() -> None:
    assert list(power(changed(verdict=Verdict.VOID))) == []
    assert list(power(measured(pairs=2).comparisons)) == []


def test_the_terminal_and_the_page_tell_it_before_the_benchmarks(tmp_path: Path) -> None:
    for text in (shown(NOISY, width=1000), html(NOISY, tmp_path)):
        places = [text.index(line) for line in power(NOISY.comparisons)]
        assert text.index("5 not shown.") < min(places)
        assert max(places) < text.index("go beyond the margin")


def test_a_benchmark_not_shown_says_how_long_it_would_take() -> None:
    (dgemm,) = (one for one in NOISY.comparisons if one.benchmark == "dgemm")
    took = roughly(dgemm.pairs_needed * dgemm.pair_s)
    assert f"about {dgemm.pairs_needed:,} pairs ({took}) would show it" in shown(NOISY, width=1000)


def test_a_file_that_does_not_say_what_a_pair_takes_claims_no_time() -> None:
    assert not any("in all" in line for line in power(changed(pair_s=0.0)))
