"""What reservations allow, second by second."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.model.job import Job, JobSpec, JobState, Reason
from hpcsched.model.reservation import Repeat, Reservation
from hpcsched.sched.reserved import PERIODS, Reserved, horizon, overlap, window

HOUR = 3600.0
TALK = Reservation("talk", 10 * HOUR, 12 * HOUR, ("n1", "n2"), users=("ann",))


def job(**values: object) -> Job:
    spec = JobSpec(command=("true",), **{"user": "ann", "time_limit_s": 3600, **values})  # type: ignore[arg-type]
    return Job(7, spec, "r", JobState.PENDING, 0.0)


def allowed(now: float, node: str = "n1", *others: Reservation, **values: object) -> bool:
    one = job(**values)
    return Reserved((TALK, *others), now).allows(one, node, horizon(one.spec, now))


def test_a_job_that_ends_before_the_window_may_have_the_node() -> None:
    assert allowed(9 * HOUR)
    assert not allowed(9 * HOUR + 1)
    assert not allowed(8 * HOUR, time_limit_s=0)


def test_nobody_outside_starts_within_the_window() -> None:
    assert not allowed(10 * HOUR, time_limit_s=1)
    assert not allowed(12 * HOUR - 1, time_limit_s=1)
    assert allowed(12 * HOUR)


def test_other_nodes_are_free_all_the_time() -> None:
    assert allowed(10 * HOUR, "n3", time_limit_s=0)


def test_a_job_inside_runs_on_reserved_nodes_within_the_window_only() -> None:
    assert allowed(10 * HOUR, reservation="talk")
    assert allowed(11 * HOUR, reservation="talk")
    assert not allowed(10 * HOUR - 1, reservation="talk")
    assert not allowed(11 * HOUR + 1, reservation="talk")
    assert not allowed(10 * HOUR, "n3", reservation="talk")
    assert not allowed(10 * HOUR, reservation="talk", time_limit_s=0)


def test_a_reservation_is_for_its_users_and_accounts() -> None:
    assert not allowed(10 * HOUR, reservation="talk", user="bob")
    both = Reservation("both", 0, HOUR, ("n9",), ("ann",), ("physics",))
    assert not allowed(0, "n9", both, reservation="both")
    assert allowed(0, "n9", both, reservation="both", account="physics")


def test_maintenance_lies_over_a_reservation_and_is_for_no_job() -> None:
    works = Reservation("works", 11 * HOUR, 13 * HOUR, ("n1",), maintenance=True)
    assert allowed(10 * HOUR, "n1", works, reservation="talk")
    assert not allowed(10 * HOUR + 1, "n1", works, reservation="talk")
    assert allowed(10 * HOUR + 1, "n2", works, reservation="talk")
    assert not allowed(11 * HOUR, "n1", works, reservation="works")


def test_a_daily_window_comes_again() -> None:
    daily = Reservation("daily", HOUR, 2 * HOUR, ("n1",), repeat=Repeat.DAILY)
    again = Reserved((daily,), 2 * HOUR)
    assert again.next_start("n1") == 25 * HOUR
    assert again.next_edge(2 * HOUR) == 25 * HOUR
    assert Reserved((daily,), 25.5 * HOUR).next_edge(25.5 * HOUR) == 26 * HOUR
    assert Reserved((daily,), 24 * 365 * HOUR).next_start("n1") == (24 * 365 + 1) * HOUR


def test_what_is_over_holds_nothing() -> None:
    assert not Reserved((TALK,), 12 * HOUR)
    assert Reserved((TALK,), 12 * HOUR).next_edge(12 * HOUR) == math.inf
    assert Reserved((TALK,), 11 * HOUR).holder("n1") == "talk"
    assert Reserved((TALK,), 9 * HOUR).holder("n1") == ""


@pytest.mark.parametrize(
    ("now", "values", "words"),
    [
        (9 * HOUR, {"reservation": "talk"}, "begins at 1970-01-01 10:00:00 UTC"),
        (10 * HOUR, {"reservation": "talk", "user": "bob"}, "not for user bob"),
        (12 * HOUR, {"reservation": "talk"}, "over or deleted"),
        (10 * HOUR, {"reservation": "gone"}, "over or deleted"),
        (11.5 * HOUR, {"reservation": "talk"}, "a shorter time limit"),
        (11.5 * HOUR, {"reservation": "talk", "time_limit_s": 0}, "a time limit (-t)"),
        (9.5 * HOUR, {}, "holds node n1 from 1970-01-01 10:00:00 UTC"),
    ],
)
def test_a_job_is_told_why_it_waits(now: float, values: dict[str, object], words: str) -> None:
    wait = Reserved((TALK,), now).why_not(job(**values), ("n1", "n2"))
    assert wait
    assert wait.reason is Reason.RESERVATION
    assert words in wait.message


def test_a_job_that_may_start_is_told_nothing() -> None:
    reserved = Reserved((TALK,), 9.5 * HOUR)
    assert reserved.why_not(job(), ("n1", "n3")) is None
    assert reserved.why_not(job(), ()) is None
    assert Reserved((TALK,), 10 * HOUR).why_not(job(reservation="talk"), ("n3",)) is None


@st.composite
def reservations(draw: st.DrawFn, name: str = "r") -> Reservation:
    """In steps of ten minutes over three weeks."""
    repeat = draw(st.sampled_from(Repeat))
    start = draw(st.integers(0, 3 * 7 * 144)) * 600.0
    longest = min(PERIODS[repeat], 2 * 7 * 86400.0) / 600
    return Reservation(name, start, start + 600 * draw(st.integers(1, int(longest))), ("n1",), repeat=repeat)


def _open_at(reservation: Reservation, time: float) -> bool:
    """By the definition alone."""
    if time < reservation.start:
        return False
    since = time - reservation.start
    if reservation.repeat is not Repeat.NEVER:
        since %= PERIODS[reservation.repeat]
    return since < reservation.end - reservation.start


@given(reservations(), reservations("s"))
def test_reservations_overlap_when_both_are_open_at_some_time(one: Reservation, other: Reservation) -> None:
    late = int(max(one.end, other.end) // 600) + 15 * 144
    meet = any(_open_at(one, step * 600.0) and _open_at(other, step * 600.0) for step in range(late))
    assert overlap(one, other) == overlap(other, one) == meet


@given(reservations(), st.integers(0, 6 * 7 * 144))
def test_the_window_is_the_present_one_or_the_next(one: Reservation, step: int) -> None:
    now = step * 600.0
    found = window(one, now)
    assert _open_at(one, now) == (found is not None and found.start <= now)
    if found:
        assert now < found.end
        assert found.end - found.start == one.end - one.start
        assert _open_at(one, found.start)
        between = range(step, int(found.start // 600))
        assert not any(_open_at(one, moment * 600.0) for moment in between)
