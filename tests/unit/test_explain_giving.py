"""What is said while nodes go from one job to another, or never will."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsched.controller.explain_blockers import blockers, kept, later, later_of
from hpcsched.model.explanation import Explanation, Planned
from hpcsched.model.job import JobSpec
from hpcsched.model.reservation import Repeat, Reservation
from hpcsched.model.site import PreemptMode, Qos, Site
from hpcsched.plugins import load
from hpcsched.sched.explain import explain_waiting
from hpcsched.sched.fit import Fitter
from hpcsched.sched.giving import HOLD_S
from hpcsched.sched.question import Question
from hpcsched.sched.replay import Policy, forked
from hpcsched.state import decide
from hpcsched.state.events import ReservationMade
from hpcsched.state.state import State
from hpcsched.testing.replays import Cluster

HOUR = 3600
GRACE = 7
LOW = JobSpec(command=("low",), user="ada", qos="low", time_limit_s=2 * HOUR, requeue=True)
HIGH = JobSpec(command=("high",), user="ben", qos="high", time_limit_s=HOUR)


def cluster(mode: PreemptMode, nodes: int = 1, policy: str = "easy") -> Cluster:
    low = Qos("low", preempt_mode=mode, grace_s=GRACE)
    made = Cluster(load("policies", policy)(), state=State(Site(qos=(low, Qos("high", 1.0, preempt=("low",))))))
    made.add_nodes([4] * nodes)
    return made


def explained(made: Cluster, job_id: int) -> Explanation:
    job, state = made.state.jobs[job_id], made.state
    found, others = tuple(blockers(state, job, made.now)), tuple(later(state, made.now))
    mine = later_of(state, job, made.now) if found else None

    def policy() -> Policy:
        return forked(made.policy, Fitter())

    others = others if mine is None or mine in others else (*others, mine)
    return explain_waiting(Question(job, kept(state, made.now), policy, found, others), Fitter())


def planned(told: Explanation, job_id: int) -> Planned:
    return next(item for item in told.timeline if item.job_id == job_id)


MODES = pytest.mark.parametrize("mode", [PreemptMode.CANCEL, PreemptMode.REQUEUE, PreemptMode.SUSPEND])


@MODES
def test_the_plan_shows_when_a_victim_gives_its_nodes_up(mode: PreemptMode) -> None:
    made = cluster(mode)
    (victim,) = made.submit(LOW)
    made.plan()
    (job_id,) = made.submit(HIGH)
    told = explained(made, job_id)
    row = planned(told, victim)
    assert (row.gives_way, row.end) == (True, told.latest)
    assert told.latest <= made.now + GRACE


@MODES
def test_one_whose_victims_are_on_their_way_out_starts_after_their_grace(mode: PreemptMode) -> None:
    made = cluster(mode, nodes=2)
    victims = [made.submit(LOW)[0] for _ in range(2)]
    made.plan()
    (job_id,) = made.submit(replace(HIGH, nodes=2))
    made.plan()
    assert all(made.state.jobs[victim].preempted_by == job_id for victim in victims)
    told = explained(made, job_id)
    assert made.now < told.latest <= made.now + GRACE
    assert all(planned(told, victim).gives_way for victim in victims)
    assert told.changes == (), "nothing is worth the change"


def test_the_nodes_of_a_job_that_is_being_cancelled_are_free_after_its_grace() -> None:
    made = cluster(PreemptMode.CANCEL)
    (gone,) = made.submit(replace(LOW, grace_s=20))
    made.plan()
    (job_id,) = made.submit(LOW)
    for event in decide.cancel(made.state, gone, made.now):
        made.state.apply(event)
    assert explained(made, job_id).latest == made.now + 20


def test_one_that_was_put_back_is_thought_to_run_its_whole_limit_again() -> None:
    made = cluster(PreemptMode.REQUEUE)
    made.submit(LOW)
    made.plan()
    made.submit(HIGH)
    (job_id,) = made.submit(replace(LOW, priority=-1))
    assert explained(made, job_id).latest >= made.now + GRACE + HOUR + 2 * HOUR


def test_who_waits_for_a_victim_waits_until_it_has_run() -> None:
    made = cluster(PreemptMode.REQUEUE, nodes=1)
    (victim,) = made.submit(LOW)
    made.plan()
    made.submit(HIGH)
    (job_id,) = made.submit(replace(LOW, dependency=f"afterok:{victim}"))
    assert explained(made, job_id).latest >= made.now + HOUR + 2 * HOUR


def test_a_victim_does_not_come_before_the_one_that_it_gave_way_to() -> None:
    made = cluster(PreemptMode.REQUEUE)
    (victim,) = made.submit(LOW)
    made.plan()
    (taker,) = made.submit(HIGH)
    (job_id,) = made.submit(replace(LOW, dependency=f"after:{taker}", priority=-1))
    told = explained(made, job_id)
    assert planned(told, taker).start <= made.now + GRACE < made.now + HOLD_S
    assert planned(told, victim).gives_way


def test_a_job_gets_to_know_by_when_its_deadline_lets_it_start() -> None:
    made = cluster(PreemptMode.OFF)
    made.submit(LOW)
    made.plan()
    (late,) = made.submit(replace(LOW, deadline=made.now + 3 * HOUR))
    (in_time,) = made.submit(replace(LOW, deadline=made.now + 9 * HOUR))
    assert any("to end by its deadline" in note for note in explained(made, late).notes)
    assert not any("deadline" in note for note in explained(made, in_time).notes)


def test_reservations_that_come_again_for_ever_make_no_start_of_one_that_never_is() -> None:
    made = cluster(PreemptMode.OFF)
    ending = Reservation("once", made.now + HOUR, made.now + 2 * HOUR, ("n0",))
    daily = Reservation("daily", made.now + 3 * HOUR, made.now + 4 * HOUR, ("n0",), repeat=Repeat.DAILY)
    for item in (ending, daily):
        made.state.apply(ReservationMade(made.now, item))
    (job_id,) = made.submit(replace(LOW, time_limit_s=30 * 60, reservation="once"))
    made.now += 2.5 * HOUR
    told = explained(made, job_id)
    assert (told.latest, told.after) == (0.0, 0.0)
    assert any("as long as nothing changes" in note for note in told.notes)


@MODES
def test_one_may_take_its_nodes_of_a_job_that_has_only_just_started(mode: PreemptMode) -> None:
    made = cluster(mode)
    made.submit(replace(HIGH, time_limit_s=100))
    made.plan()
    made.submit(replace(LOW, priority=1))
    (job_id,) = made.submit(HIGH)
    assert explained(made, job_id).latest <= made.now + 100 + GRACE
