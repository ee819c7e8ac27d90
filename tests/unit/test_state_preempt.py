"""How jobs give nodes up, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsched.model.container import EndCause, Phase
from hpcsched.model.job import JobSpec, JobState, Reason
from hpcsched.model.reservation import Reservation
from hpcsched.model.site import PreemptMode, Qos, Site
from hpcsched.policies.conservative import Conservative
from hpcsched.sched.giving import HOLD_S
from hpcsched.state import decide
from hpcsched.state.commands import Replan
from hpcsched.state.events import NodeDisconnected, NodeLost, ReservationMade
from hpcsched.state.preemption import MOST_NAMED, given_by
from hpcsched.state.state import State
from hpcsched.testing.world import World, exited, running

HIGH = JobSpec(("high",), qos="high")


def world(mode: PreemptMode, nodes: tuple[str, ...] = ("n1",), grace_s: int = 7) -> World:
    low = Qos("low", preempt_mode=mode, grace_s=grace_s)
    made = World(())
    made.state = State(Site(qos=(low, Qos("high", 1.0, preempt=("low",)))))
    for name in nodes:
        made.register(name)
    return made


def low(nodes: int = 1, **values: object) -> JobSpec:
    return replace(JobSpec(("low",), qos="low", nodes=nodes), **values)  # type: ignore[arg-type]


def taken(mode: PreemptMode, **values: object) -> tuple[World, int, int]:
    """A low job that has been told to give n1 up, and the high one that waits for it."""
    made = world(mode)
    victim = made.run(low(**values))
    (taker,) = made.submit(HIGH)
    assert made.plan() == ()
    return made, victim, taker


def frozen(job_id: int):  # type: ignore[no-untyped-def]
    return replace(running(job_id), suspended=True)


def test_a_cancelled_victim_is_told_to_end_within_the_grace_of_its_qos() -> None:
    made, victim, taker = taken(PreemptMode.CANCEL)
    (wanted,) = made.state.desired("n1")
    assert (wanted.job_id, wanted.cancel, wanted.grace_s) == (victim, True, 7.0)
    made.say("n1", exited(victim, EndCause.CANCELLED))
    assert made.plan() == ()
    made.say("n1")
    assert made.plan() == (taker,)
    job = made.records[victim].job
    assert (job.state, job.reason) == (JobState.PREEMPTED, Reason.PREEMPTED)
    assert f"for job {taker}" in job.message


def test_the_one_that_nodes_were_given_up_for_says_by_whom() -> None:
    made = world(PreemptMode.CANCEL, ("n1", "n2"))
    victims = [made.run(low()) for _ in range(2)]
    (taker,) = made.submit(replace(HIGH, nodes=2))
    made.plan()
    for name, victim in zip(("n1", "n2"), victims, strict=True):
        made.say(name, exited(victim, EndCause.CANCELLED))
        made.say(name)
    assert made.plan() == (taker,)
    assert made.state.jobs[taker].message.endswith(f"; given up for it by job {victims[1]}, job {victims[0]}")


def test_of_very_many_that_gave_way_the_first_are_named() -> None:
    told = ""
    for victim in range(1, 100):
        told = given_by(told, victim)
    assert told == f"given up for it by {', '.join(f'job {number}' for number in range(1, MOST_NAMED + 1))} and others"


def test_a_victim_that_was_done_before_it_was_stopped_is_completed() -> None:
    made, victim, _ = taken(PreemptMode.CANCEL)
    made.say("n1", exited(victim))
    assert made.records[victim].job.state is JobState.COMPLETED


def test_a_victim_that_its_user_cancels_is_cancelled() -> None:
    made, victim, _ = taken(PreemptMode.REQUEUE, requeue=True)
    made.do(*decide.cancel(made.state, victim, made.tick()))
    assert made.state.desired("n1")[0].grace_s == 30.0
    made.say("n1", exited(victim, EndCause.CANCELLED))
    assert made.records[victim].job.state is JobState.CANCELLED


def test_a_requeued_victim_waits_again_and_runs_after_the_other() -> None:
    made, victim, taker = taken(PreemptMode.REQUEUE, requeue=True)
    made.say("n1", exited(victim, EndCause.CANCELLED))
    job = made.state.jobs[victim]
    assert (job.state, job.restarts, job.preempt_mode, job.allocation) == (JobState.PENDING, 1, None, None)
    made.say("n1")
    assert made.plan() == (taker,), "the victim came first and does not go first"
    made.say("n1", exited(taker))
    made.say("n1")
    assert made.plan() == ()
    assert made.state.next_time(made.time) == made.state.jobs[victim].eligible_time
    made.time += HOLD_S
    assert made.plan() == (victim,)


def test_a_frozen_victim_keeps_its_node_until_it_is_seen_frozen() -> None:
    made, victim, taker = taken(PreemptMode.SUSPEND)
    assert made.state.jobs[victim].state is JobState.SUSPENDED
    assert made.state.desired("n1")[0].suspend
    assert made.plan() == ()
    made.tell("n1", running(victim))
    assert made.plan() == ()
    made.say("n1", frozen(victim))
    assert made.state.nodes["n1"].suspended == (victim,)
    assert made.plan() == (taker,)
    assert [(item.job_id, item.suspend) for item in made.state.desired("n1")] == [(taker, False), (victim, True)]


def test_a_frozen_victim_goes_on_before_any_other_job_when_the_taker_is_done() -> None:
    made, victim, taker = taken(PreemptMode.SUSPEND)
    made.say("n1", frozen(victim))
    made.plan()
    made.submit(JobSpec(("other",), priority=9))
    made.say("n1", exited(taker), frozen(victim))
    made.say("n1", frozen(victim))
    assert made.plan() == ()
    job = made.state.jobs[victim]
    assert (job.state, job.reason, made.state.nodes["n1"].job_id) == (JobState.RUNNING, Reason.NONE, victim)
    assert job.suspended_s > 0
    assert not made.state.desired("n1")[0].suspend


def test_nobody_else_gets_a_node_that_was_given_up_for_a_job() -> None:
    made, victim, _ = taken(PreemptMode.SUSPEND)
    made.say("n1", frozen(victim))
    (other,) = made.submit(JobSpec(("other",), priority=9))
    assert other not in made.plan()


def test_a_frozen_victim_whose_node_nobody_takes_goes_on() -> None:
    made, victim, taker = taken(PreemptMode.SUSPEND)
    made.say("n1", frozen(victim))
    made.do(*decide.cancel(made.state, taker, made.tick()))
    made.plan()
    assert made.state.jobs[victim].state is JobState.RUNNING


def test_a_frozen_victim_does_not_wait_forever_for_a_job_that_cannot_start() -> None:
    made = world(PreemptMode.SUSPEND, ("n1", "n2"))
    victim = made.run(low(2))
    made.submit(replace(HIGH, nodes=2))
    made.plan()
    made.say("n1", frozen(victim))
    made.plan()
    assert made.state.jobs[victim].state is JobState.SUSPENDED
    made.say("n2", frozen(victim))
    made.do(*decide.drain(made.state, "n2", "fan", made.tick()))
    assert made.plan() == ()
    at = made.state.next_time(made.time)
    assert at is not None
    assert at <= made.time + HOLD_S + 7
    made.time = at
    made.plan()
    assert made.state.jobs[victim].state is JobState.RUNNING
    made.plan()
    assert made.state.jobs[victim].state is JobState.RUNNING, "nobody gives nodes up twice for the same job"


def test_a_frozen_victim_can_be_cancelled() -> None:
    made, victim, taker = taken(PreemptMode.SUSPEND)
    made.say("n1", frozen(victim))
    made.plan()
    made.do(*decide.cancel(made.state, victim, made.tick()))
    made.say("n1", running(taker), exited(victim, EndCause.CANCELLED))
    assert made.records[victim].job.state is JobState.CANCELLED
    node = made.state.nodes["n1"]
    assert (node.job_id, node.suspended, node.cleaning) == (taker, (), (victim,))


def test_losing_a_node_loses_what_runs_there_and_what_waits_there_frozen() -> None:
    made, victim, taker = taken(PreemptMode.SUSPEND)
    made.say("n1", frozen(victim))
    made.plan()
    made.do(NodeDisconnected(made.tick(), "n1"), NodeLost(made.tick(), "n1", "gone"))
    assert {number: made.records[number].job.state for number in (victim, taker)} == dict.fromkeys(
        (victim, taker), JobState.NODE_FAIL
    )


def test_a_frozen_victim_does_not_go_on_into_a_reservation() -> None:
    made = world(PreemptMode.SUSPEND)
    start = made.time + 1000
    made.do(ReservationMade(made.tick(), Reservation("r", start, start + 500, ("n1",), made=made.time)))
    victim = made.run(low(time_limit_s=900))
    (taker,) = made.submit(replace(HIGH, time_limit_s=500))
    made.plan()
    made.say("n1", frozen(victim))
    assert made.plan() == (taker,)
    made.time += 400
    made.say("n1", exited(taker), frozen(victim))
    made.say("n1", frozen(victim))
    made.plan()
    assert made.state.jobs[victim].state is JobState.SUSPENDED
    made.time = start + 500
    made.plan()
    assert made.state.jobs[victim].state is JobState.RUNNING


@pytest.mark.parametrize("mode", [PreemptMode.CANCEL, PreemptMode.REQUEUE, PreemptMode.SUSPEND])
def test_the_state_comes_back_from_its_dump_in_the_middle(mode: PreemptMode) -> None:
    made, victim, _ = taken(mode, requeue=True)
    if mode is PreemptMode.SUSPEND:
        made.say("n1", frozen(victim))
    again = State.load(made.state.dump(), made.state.site)
    assert (again.jobs, again.nodes, again.giving) == (made.state.jobs, made.state.nodes, made.state.giving)


def test_a_victim_that_has_not_started_yet_ends_as_preempted() -> None:
    made = world(PreemptMode.CANCEL)
    victim = made.start(low())
    made.submit(HIGH)
    made.plan()
    made.say("n1", exited(victim, EndCause.LAUNCH_FAILED))
    assert made.records[victim].job.state is JobState.PREEMPTED
    assert made.records[victim].job.parts[0].phase is Phase.EXITED  # type: ignore[union-attr]


def test_who_was_frozen_last_goes_on_first() -> None:
    made = World(())
    qos = (Qos("low", preempt_mode=PreemptMode.SUSPEND), Qos("high", 1.0, preempt=("low",), preempt_mode=PreemptMode.SUSPEND))
    made.state = State(Site(qos=(*qos, Qos("top", 1.0, preempt=("high",)))))
    made.register("n1")
    victim = made.run(low())
    (high,) = made.submit(HIGH)
    made.plan()
    made.say("n1", frozen(victim))
    assert made.plan() == (high,)
    made.say("n1", frozen(victim), running(high))
    (top,) = made.submit(JobSpec(("top",), qos="top"))
    made.plan()
    made.say("n1", frozen(victim), frozen(high))
    assert made.state.nodes["n1"].suspended == (victim, high)
    assert made.plan() == (top,)
    made.say("n1", frozen(victim), frozen(high), exited(top))
    made.say("n1", frozen(victim), frozen(high))
    made.plan()
    assert (made.state.nodes["n1"].job_id, made.state.nodes["n1"].suspended) == (high, (victim,))
    assert made.state.jobs[victim].state is JobState.SUSPENDED


@pytest.mark.parametrize("mode", [PreemptMode.CANCEL, PreemptMode.REQUEUE])
def test_a_plan_follows_where_a_job_got_nodes_that_others_may_take(mode: PreemptMode) -> None:
    made = world(mode)
    made.submit(low())
    made.submit(HIGH)
    made.plan()
    assert Replan() in made.told


def test_a_plan_follows_where_a_job_has_come_so_far_that_it_may_be_frozen() -> None:
    made = world(PreemptMode.SUSPEND)
    victim = made.start(low())
    (taker,) = made.submit(HIGH)
    assert made.plan() == ()
    assert made.state.jobs[victim].preempt_mode is None
    assert Replan() in made.tell("n1", running(victim, made.time))
    made.plan()
    assert made.state.jobs[victim].preempted_by == taker


def test_no_plan_follows_the_start_of_a_job_that_nobody_may_take_the_nodes_of() -> None:
    made = world(PreemptMode.SUSPEND)
    (job_id,) = made.submit(HIGH)
    made.plan()
    assert Replan() not in made.told
    assert Replan() not in made.tell("n1", running(job_id, made.time))


def test_one_that_is_frozen_again_before_its_node_has_said_that_it_went_on_gives_its_node_up_at_once() -> None:
    made, victim, taker = taken(PreemptMode.SUSPEND)
    made.say("n1", frozen(victim))
    assert made.plan() == (taker,)
    (second,) = made.submit(HIGH)
    made.say("n1", frozen(victim), exited(taker))
    made.say("n1", frozen(victim))
    assert made.plan() == ()
    assert made.state.jobs[victim].preempted_by == second
    assert made.plan() == (second,)


def test_conservative_lets_the_one_that_nodes_are_frozen_for_have_the_others_that_it_needs() -> None:
    made = world(PreemptMode.SUSPEND, ("n1", "n2", "n3"))
    made._policy = Conservative()  # type: ignore[assignment]
    victim = made.run(low(time_limit_s=300))
    taker, other = made.submit(replace(HIGH, nodes=3, time_limit_s=300), low(2, time_limit_s=1500))
    assert made.plan() == ()
    assert made.plan() == ()
    made.say("n1", frozen(victim))
    assert made.plan() == (taker,)
    assert made.state.jobs[other].state is JobState.PENDING
