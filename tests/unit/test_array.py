"""Which tasks an array has, from the text that names them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.errors import InvalidValue
from hpcsched.model.array import MAX_TASKS, ArrayProgress, parse_array, translated, with_bits
from hpcsched.model.ranges import normal


def ids(text: str) -> list[int]:
    tasks = parse_array(text)
    return [tasks.task_id(position) for position in range(len(tasks))]


def test_ranges_steps_and_single_ids_keep_their_order() -> None:
    assert ids("0-3") == [0, 1, 2, 3]
    assert ids("9,0-7:3,100") == [9, 0, 3, 6, 100]
    assert parse_array("0-9").throttle == 0
    assert parse_array("0-9%4").throttle == 4


def test_the_bounds_and_the_step_are_told() -> None:
    tasks = parse_array("4-20:4")
    assert (tasks.lowest, tasks.highest, tasks.step, len(tasks)) == (4, 20, 4, 5)
    assert parse_array("1-2,7").step == 1


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5), st.integers(0, 4)), min_size=1, max_size=5))
def test_each_position_has_the_id_that_has_that_position(parts: list[tuple[int, int, int]]) -> None:
    text = ",".join(
        f"{index * 1000 + first}-{index * 1000 + first + step * more}:{step}" for index, (first, step, more) in enumerate(parts)
    )
    tasks = parse_array(text)
    assert len(tasks) == sum(more + 1 for _, _, more in parts)
    assert [tasks.position(task_id) for task_id in ids(text)] == list(range(len(tasks)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "give task ids as"),
        ("a", "give task ids as"),
        ("1-", "give task ids as"),
        ("-1", "give task ids as"),
        ("1,,2", "give task ids as"),
        ("٣", "give task ids as"),
        ("5-2", "runs backwards"),
        ("0-9:0", "step"),
        ("0-9%0", "how many tasks"),
        ("0-9%", "how many tasks"),
        ("0-9%x", "how many tasks"),
        ("4194304", "above the largest"),
        ("0-99999999999", "above the largest"),
        ("0-1000000", "at most 1000000"),
        ("0-10:5,5", "twice"),
        ("1,1", "twice"),
        (",".join(map(str, range(1001))), "1001 parts"),
        ("1" * 20_000, "characters"),
    ],
)
def test_what_is_no_array_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(InvalidValue, match=says) as caught:
        parse_array(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_ids_and_positions_outside_are_refused() -> None:
    tasks = parse_array("0-8:2")
    for wrong in (1, 9, 10, -1):
        with pytest.raises(InvalidValue, match="no task"):
            tasks.position(wrong)
    for wrong in (-1, 5):
        with pytest.raises(InvalidValue, match="position"):
            tasks.task_id(wrong)


def test_a_million_tasks_are_read_at_once_and_known_by_position() -> None:
    tasks = parse_array("0-499999,3000000-3499999")
    assert len(tasks) == MAX_TASKS
    assert tasks.task_id(999_999) == 3_499_999
    assert tasks.position(3_000_000) == 500_000


@given(st.sets(st.integers(0, 100)), st.integers(0, 50), st.integers(0, 50))
def test_what_is_done_is_remembered_by_position(known: set[int], first: int, more: int) -> None:
    ok = b""
    for position in known:
        ok = with_bits(ok, ((position, position + 1),))
    ok = with_bits(ok, ((first, first + more),))
    progress = ArrayProgress(200, ok=ok)
    assert {position for position in range(200) if progress.is_ok(position)} == known | set(range(first, first + more))


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Arrays of a few parts, apart from each other."""
    found, at = [], 0
    for _ in range(draw(st.integers(1, 4))):
        first = at + draw(st.integers(0, 6))
        step, more = draw(st.integers(1, 4)), draw(st.integers(0, 6))
        at = first + step * more + 1
        found.append(f"{first}-{first + step * more}:{step}")
    return ",".join(draw(st.permutations(found)))


@given(texts(), texts(), st.sets(st.integers(0, 60)))
def test_tasks_of_two_arrays_correspond_by_their_ids(one: str, other: str, chosen: set[int]) -> None:
    source, target = parse_array(one), parse_array(other)
    ranges = normal((position, position + 1) for position in chosen if position < len(source))
    ids = {source.task_id(position) for first, end in ranges for position in range(first, end)}
    both = ids & {target.task_id(position) for position in range(len(target))}
    expected = normal((at, at + 1) for at in map(target.position, both))
    assert translated(ranges, source, target) == expected
