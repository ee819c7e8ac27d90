"""Whatever the wall clock does, the time of events goes on, at the speed of a steady clock, and towards the wall clock."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.state.timeline import AWAY_S, BELIEVED_S, CONFIRM_S, SLOWER, STEP_S, Reading, Standing, Timeline

HOUR, DAY, YEAR = 3600.0, 86400.0, 365.25 * 86400.0
NOON = 1_790_000_000.0


@dataclass
class Clocks:
    """A machine's: time passes on both, an administrator sets one."""

    wall: float = NOON
    steady: float = 5000.0

    def read(self) -> Reading:
        return Reading(self.wall, self.steady)

    def passes(self, seconds: float) -> Reading:
        self.wall += seconds
        self.steady += seconds
        return self.read()

    def is_set(self, by_s: float) -> Reading:
        self.wall += by_s
        return self.read()


def begun(last: float = NOON, wall: float = NOON) -> tuple[Timeline, Clocks]:
    clocks = Clocks(wall)
    return Timeline(last, clocks.read()), clocks


def watched(line: Timeline, clocks: Clocks, seconds: float, every_s: float = 30.0) -> float:
    """The time after so many seconds in which it was read again and again."""
    for _ in range(int(seconds / every_s)):
        line.at(clocks.passes(every_s))
    return line.time


jumps = st.one_of(
    st.just(0.0),
    st.floats(-2 * HOUR, 2 * HOUR),
    st.sampled_from([-60 * YEAR, -10 * YEAR, -DAY, -HOUR, -1.0, 0.5, 1.0, BELIEVED_S, BELIEVED_S + 1, HOUR, DAY, 10 * YEAR]),
)
spans = st.one_of(st.floats(0.0, 100.0), st.floats(0.0, 2 * CONFIRM_S), st.sampled_from([0.0, 1e-3, 30.0, CONFIRM_S, DAY]))
courses = st.lists(st.tuples(spans, jumps), max_size=40)


@given(courses, st.floats(-100 * YEAR, 100 * YEAR).map(lambda off: max(0.0, NOON + off)))
def test_time_never_decreases_and_what_did_not_step_passed_at_half_speed_at_least(
    course: list[tuple[float, float]], last: float
) -> None:
    line, clocks = begun(last)
    assert line.time >= last
    for passed, jump in course:
        before, stepped = line.time, line.stepped_s
        clocks.is_set(jump)
        after = line.at(clocks.passes(passed))
        went = after - before - (line.stepped_s - stepped)
        assert after >= before
        assert passed * (1 - SLOWER) - 1e-3 <= went < passed + STEP_S + 1e-3


@given(courses)
def test_a_clock_that_stays_right_is_met_again(course: list[tuple[float, float]]) -> None:
    line, clocks = begun()
    for passed, jump in course:
        clocks.is_set(jump)
        line.at(clocks.passes(passed))
    behind = max(0.0, -line.ahead_s)
    if behind > AWAY_S:
        return
    line.at(clocks.passes(0.0))
    line.at(clocks.passes(max(CONFIRM_S, behind / SLOWER) + 1e-3))
    assert line.time == clocks.wall
    assert line.standing is Standing.FOLLOWED


@given(st.floats(BELIEVED_S + 1, 100 * YEAR), st.lists(st.floats(0.1, CONFIRM_S / 10 - 0.1), min_size=1, max_size=10))
def test_a_great_jump_that_is_taken_back_soon_leaves_no_trace(jump: float, spans: list[float]) -> None:
    line, clocks = begun()
    clocks.is_set(jump)
    for passed in spans:
        line.at(clocks.passes(passed))
        assert line.standing is Standing.DOUBTED
    clocks.is_set(-jump)
    line.at(clocks.read())
    assert (line.time, line.stepped_s, line.standing) == (pytest.approx(NOON + sum(spans)), 0.0, Standing.FOLLOWED)


def test_a_small_correction_forward_is_followed_at_once() -> None:
    line, clocks = begun()
    assert line.at(clocks.is_set(BELIEVED_S)) == NOON + BELIEVED_S
    assert line.stepped_s == BELIEVED_S


@pytest.mark.parametrize("jump", [2 * HOUR, 56 * YEAR])
def test_the_first_correction_of_a_wrong_hardware_clock_is_followed_when_it_has_stood(jump: float) -> None:
    line, clocks = begun()
    line.at(clocks.is_set(jump))
    assert watched(line, clocks, CONFIRM_S - 30.0) == NOON + CONFIRM_S - 30.0
    assert watched(line, clocks, 30.0) == clocks.wall == NOON + jump + CONFIRM_S
    assert line.stepped_s == jump


def test_a_clock_that_does_not_come_to_rest_is_not_followed() -> None:
    line, clocks = begun()
    for _ in range(10):
        clocks.is_set(DAY)
        watched(line, clocks, CONFIRM_S - 30.0)
    assert line.time == NOON + 10 * (CONFIRM_S - 30.0)


def test_a_clock_that_is_set_back_is_met_at_half_speed() -> None:
    line, clocks = begun()
    assert line.at(clocks.is_set(-HOUR)) == NOON
    assert line.standing is Standing.BEHIND
    assert watched(line, clocks, HOUR) == NOON + HOUR / 2
    assert watched(line, clocks, HOUR) == NOON + HOUR == clocks.wall
    assert watched(line, clocks, HOUR) == NOON + 2 * HOUR == clocks.wall


def test_a_clock_that_fell_back_by_years_is_left_alone_until_it_is_set_right() -> None:
    line, clocks = begun()
    line.at(clocks.is_set(-56 * YEAR))
    assert watched(line, clocks, DAY) == NOON + DAY
    assert line.standing is Standing.FAR_BEHIND
    assert line.at(clocks.is_set(56 * YEAR)) == NOON + DAY
    assert (line.standing, line.stepped_s) == (Standing.FOLLOWED, 0.0)


def test_a_new_journal_begins_by_the_wall_clock() -> None:
    assert begun(last=0.0)[0].time == NOON


def test_what_passed_while_no_controller_ran_is_no_step() -> None:
    line, _ = begun(last=NOON - 3 * DAY)
    assert (line.time, line.stepped_s, line.standing) == (NOON, 0.0, Standing.FOLLOWED)


def test_a_start_years_after_the_last_run_is_doubted_first() -> None:
    line, clocks = begun(last=NOON - 10 * YEAR)
    assert (line.time, line.standing) == (NOON - 10 * YEAR, Standing.DOUBTED)
    assert watched(line, clocks, CONFIRM_S) == clocks.wall


def test_a_start_before_the_journals_last_event_goes_on_from_there() -> None:
    line, clocks = begun(last=NOON + HOUR)
    assert (line.time, line.standing) == (NOON + HOUR, Standing.BEHIND)
    assert watched(line, clocks, 60.0) == NOON + HOUR + 30.0
    assert watched(line, clocks, 2 * HOUR) == clocks.wall


def test_a_reading_of_the_steady_clock_that_went_back_is_no_time_at_all() -> None:
    line, clocks = begun()
    line.at(clocks.passes(10.0))
    assert line.at(Reading(clocks.wall - 1.0, clocks.steady - 5.0)) == NOON + 10.0
