"""Ranges of positions against sets of numbers."""

from hypothesis import given
from hypothesis import strategies as st

from hpcsched.model.ranges import common, count, first_of, mask_of, normal, of_mask, union, without

PAIRS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


def numbers(ranges: tuple[tuple[int, int], ...]) -> set[int]:
    return {number for first, end in ranges for number in range(first, end)}


def is_normal(ranges: tuple[tuple[int, int], ...]) -> bool:
    flat = [number for pair in ranges for number in pair]
    return flat == sorted(set(flat))


@given(PAIRS)
def test_any_pairs_become_sorted_ranges_apart_from_each_other(pairs: list[tuple[int, int]]) -> None:
    found = normal(pairs)
    assert is_normal(found)
    assert numbers(found) == {number for first, end in pairs for number in range(first, end)}
    assert count(found) == len(numbers(found))


@given(PAIRS, PAIRS)
def test_ranges_are_combined_as_sets_are(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    left, right = normal(one), normal(other)
    for found, wanted in (
        (union(left, right), numbers(left) | numbers(right)),
        (common(left, right), numbers(left) & numbers(right)),
        (without(left, right), numbers(left) - numbers(right)),
    ):
        assert numbers(found) == wanted
        assert is_normal(found)


@given(PAIRS, st.integers(0, 60))
def test_the_first_of_ranges_are_the_lowest_numbers(pairs: list[tuple[int, int]], most: int) -> None:
    ranges = normal(pairs)
    found = first_of(ranges, most)
    assert numbers(found) == set(sorted(numbers(ranges))[:most])
    assert is_normal(found)


@given(PAIRS)
def test_ranges_come_back_from_their_mask(pairs: list[tuple[int, int]]) -> None:
    assert of_mask(mask_of(normal(pairs))) == normal(pairs)
