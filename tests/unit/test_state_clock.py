"""A clock that was wrong and is set right moves what has begun along; a node with another clock is understood."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.model.container import ContainerStatus, EndCause, Phase, WorkStatus
from hpcsched.model.job import JobSpec
from hpcsched.model.reservation import ReservationRequest
from hpcsched.state import changing, reservations
from hpcsched.state.clocks import by_our_clock
from hpcsched.state.commands import SyncNode
from hpcsched.state.deadlines import limit_s
from hpcsched.state.events import ClockStepped
from hpcsched.state.reservations import ends_by
from hpcsched.testing.world import TRUE, World, exited

HOUR = 3600.0


def step(world: World, by_s: float) -> None:
    world.time += by_s
    world.do(ClockStepped(world.time, by_s))


def test_a_job_that_runs_has_as_much_left_after_the_clock_was_set_forward() -> None:
    world = World()
    job_id = world.run(replace(TRUE, time_limit_s=600))
    left = ends_by(world.state.jobs[job_id], world.time) - world.time
    step(world, 3 * HOUR)
    assert ends_by(world.state.jobs[job_id], world.time) - world.time == left


def test_a_job_is_billed_for_what_passed_and_not_for_what_was_skipped() -> None:
    world = World()
    job_id = world.run()
    step(world, 3 * HOUR)
    world.say("n1", exited(job_id, end_time=world.time + 1.0))
    assert world.records[job_id].ran_s < 60


def test_a_suspended_job_stood_still_for_what_passed() -> None:
    world = World()
    job_id = world.run()
    world.do(*changing.suspend(world.state, job_id, world.tick()))
    step(world, 3 * HOUR)
    world.do(*changing.resume(world.state, job_id, world.tick()))
    assert world.state.jobs[job_id].suspended_s == 1.0


def test_a_job_with_a_deadline_still_ends_by_it_and_its_node_is_told() -> None:
    world = World()
    job_id = world.run(replace(TRUE, deadline=world.time + 5 * HOUR))
    before = limit_s(world.state.jobs[job_id])
    step(world, 3 * HOUR)
    assert limit_s(world.state.jobs[job_id]) == before - 3 * HOUR
    assert SyncNode("n1") in world.told


def test_a_job_that_waits_was_submitted_when_it_was() -> None:
    world = World([])
    (job_id,) = world.submit(TRUE)
    before = world.state.jobs[job_id]
    step(world, 3 * HOUR)
    assert world.state.jobs[job_id] == before


def test_a_reservation_made_while_a_job_ran_stays_younger_than_the_job() -> None:
    world = World()
    job_id = world.run()
    wanted = ReservationRequest("works", 600, nodes=("n1",), maintenance=True, ignore_jobs=True)
    world.do(*reservations.make(world.state, wanted, world.tick()))
    step(world, 3 * HOUR)
    assert world.state.reservations["works"].made > world.state.jobs[job_id].granted_time


def test_a_clock_that_was_set_is_so_after_a_restart_as_well() -> None:
    world = World()
    job_id = world.run()
    step(world, 3 * HOUR)
    assert type(world.state).load(world.state.dump()).jobs[job_id] == world.state.jobs[job_id]


times = st.one_of(st.just(0.0), st.floats(1.0, 1e10))


@given(times, times, st.floats(-1e10, 1e10))
def test_times_of_a_node_are_moved_together_and_stay_possible(start: float, end: float, ahead_s: float) -> None:
    status = ContainerStatus(1, Phase.EXITED, start_time=start, end_time=end, works=(WorkStatus(2, end_time=end),))
    told = by_our_clock(status, ahead_s)
    assert told.start_time >= 0
    assert told.works[0].end_time == told.end_time >= 0
    assert (told.start_time == 0) >= (start == 0)
    if start and end and min(start, end) + ahead_s > 0:
        assert told.end_time - told.start_time == pytest.approx(end - start, abs=1e-3)


def test_clocks_that_agree_but_for_the_way_of_a_report_are_left_alone() -> None:
    status = ContainerStatus(1, Phase.RUNNING, start_time=5.0)
    assert by_our_clock(status, 9.9) is status
    assert by_our_clock(status, float("inf")) is status


def test_a_job_on_a_node_whose_clock_is_hours_off_is_billed_right() -> None:
    world = World()
    job_id = world.start(JobSpec(command=("true",)))
    began, off = world.time + 1.0, -7 * HOUR
    started = ContainerStatus(job_id, Phase.RUNNING, start_time=began + off)
    world.say("n1", by_our_clock(started, -off))
    world.time += 100.0
    ended = replace(started, phase=Phase.EXITED, cause=EndCause.EXIT, exit_code=0, end_time=began + 90.0 + off)
    world.say("n1", by_our_clock(ended, -off))
    assert world.records[job_id].ran_s == 90.0
