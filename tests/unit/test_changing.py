"""Jobs that are requeued, frozen, changed, or too late."""

from dataclasses import replace

import pytest

from hpcsched.errors import Conflict, Infeasible, InvalidValue
from hpcsched.model.change import JobChange
from hpcsched.model.container import EndCause
from hpcsched.model.job import Job, JobState, Reason
from hpcsched.model.site import Account, Qos, Site, Weights
from hpcsched.state import changing, decide
from hpcsched.state.change_handlers import GOES_ON
from hpcsched.state.commands import Replan, SyncNode
from hpcsched.state.due import due
from hpcsched.state.events import JobResumed, JobSuspended, NodeDisconnected, NodeLost, NodeRegistered
from hpcsched.state.state import State
from hpcsched.testing.world import TRUE, World, exited, offer, running


def job(world: World, job_id: int) -> Job:
    return world.state.jobs[job_id]


def pending(world: World) -> list[int]:
    return [item.id for item in world.state.snapshot(world.time).pending]


def requeue(world: World, job_id: int) -> None:
    world.do(*changing.requeue(world.state, job_id, world.tick()))


def suspend(world: World, job_id: int) -> None:
    world.do(*changing.suspend(world.state, job_id, world.tick()))


def update(world: World, job_id: int, **change: object) -> None:
    world.do(*changing.update(world.state, job_id, JobChange(**change), world.tick(), world.ended))  # type: ignore[arg-type]


def test_a_requeued_job_leaves_its_nodes_and_starts_again_when_nothing_is_left_of_it() -> None:
    world = World(["n1", "n2"])
    job_id = world.run()
    requeue(world, job_id)
    assert world.told[0] == SyncNode("n1")
    assert (job(world, job_id).state, job(world, job_id).restarts) == (JobState.PENDING, 1)
    assert world.state.desired("n1") == ()
    assert pending(world) == []
    assert "gone from its nodes" in world.state.blocked(job_id, world.time).message  # type: ignore[union-attr]
    world.say("n1", exited(job_id, EndCause.STOPPED))
    assert pending(world) == []
    world.say("n1")
    assert world.plan() == (job_id,)
    world.tell("n1", running(job_id, world.time))
    world.say("n1", exited(job_id, end_time=world.time))
    assert (world.records[job_id].job.state, world.records[job_id].job.restarts) == (JobState.COMPLETED, 1)


def test_a_late_report_of_the_first_run_does_not_end_the_second() -> None:
    world = World(["n1", "n2"])
    job_id = world.run()
    requeue(world, job_id)
    world.tell("n1", exited(job_id, EndCause.STOPPED))
    world.clean("n1", job_id)
    world.do(*decide.drain(world.state, "n1", "fan", world.tick()))
    assert world.plan() == (job_id,)
    world.tell("n1", exited(job_id, EndCause.STOPPED))
    assert job(world, job_id).state is JobState.CONFIGURING


def test_a_job_that_may_run_again_does_so_after_the_loss_of_its_node() -> None:
    world = World(["n1", "n2"])
    job_id = world.run(replace(TRUE, requeue=True))
    world.do(NodeDisconnected(world.tick(), "n1"), NodeLost(world.tick(), "n1", "gone"))
    assert job(world, job_id).restarts == 1
    assert world.plan() == (job_id,)
    assert job(world, job_id).allocation.nodes == ("n2",)  # type: ignore[union-attr]
    world.do(NodeRegistered(world.tick(), offer("n1")))
    world.say("n1", running(job_id))
    assert job(world, job_id).state is JobState.CONFIGURING
    assert world.state.desired("n1") == ()


def test_one_that_may_not_ends_with_its_node() -> None:
    world = World()
    job_id = world.run()
    world.do(NodeDisconnected(world.tick(), "n1"), NodeLost(world.tick(), "n1", "gone"))
    assert world.records[job_id].job.state is JobState.NODE_FAIL


def test_a_cancelled_job_is_not_run_again() -> None:
    world = World()
    job_id = world.run(replace(TRUE, requeue=True))
    world.do(*decide.cancel(world.state, job_id, world.tick()))
    with pytest.raises(Conflict, match="is being cancelled"):
        changing.requeue(world.state, job_id, world.time)
    world.do(NodeDisconnected(world.tick(), "n1"), NodeLost(world.tick(), "n1", "gone"))
    assert world.records[job_id].job.state is JobState.NODE_FAIL


def test_requeueing_a_job_that_waits_changes_nothing() -> None:
    world = World([])
    (job_id,) = world.submit()
    assert changing.requeue(world.state, job_id, world.time) == []


def test_time_stands_still_for_a_suspended_job() -> None:
    world = World()
    job_id = world.run()
    began = job(world, job_id).start_time
    suspend(world, job_id)
    assert job(world, job_id).state is JobState.SUSPENDED
    assert [item.suspend for item in world.state.desired("n1")] == [True]
    assert changing.suspend(world.state, job_id, world.time) == []
    world.time += 100.0
    world.do(JobResumed(world.tick(), job_id))
    assert [item.suspend for item in world.state.desired("n1")] == [False]
    assert (job(world, job_id).suspended_s, job(world, job_id).message) == (101.0, GOES_ON)
    suspend(world, job_id)
    world.time += 50.0
    world.say("n1", exited(job_id, end_time=world.time))
    record = world.records[job_id]
    assert record.job.suspended_s == 151.0
    assert record.ran_s == record.job.end_time - began - 151.0


def test_only_a_running_job_can_be_suspended_and_only_a_suspended_one_resumed() -> None:
    world = World(["n1"])
    job_id = world.start()
    with pytest.raises(Conflict, match="CONFIGURING: only a running job"):
        changing.suspend(world.state, job_id, world.time)
    with pytest.raises(Conflict, match="CONFIGURING: only a suspended job"):
        changing.resume(world.state, job_id, world.time)
    world.do(JobSuspended(world.tick(), job_id), JobResumed(world.tick(), job_id))
    assert job(world, job_id).state is JobState.CONFIGURING


def test_a_pending_job_that_is_late_for_its_deadline_is_dropped_once() -> None:
    world = World([])
    (job_id,) = world.submit(replace(TRUE, time_limit_s=100, deadline=2000.0))
    at = world.state.next_time(world.time)
    assert at is not None
    assert 1900.0 < at < 1900.1
    assert due(world.state, 1900.0) == []
    world.do(*due(world.state, at))
    assert (world.records[job_id].job.state, world.records[job_id].job.reason) == (JobState.DEADLINE, Reason.DEADLINE)
    assert world.state.next_time(world.time) is None


def test_a_running_job_is_ended_at_its_deadline() -> None:
    world = World()
    job_id = world.start(replace(TRUE, deadline=1500.0))
    (wanted,) = world.state.desired("n1")
    assert wanted.time_limit_s == 1500 - job(world, job_id).granted_time


def test_a_deadline_that_nobody_could_keep_is_refused() -> None:
    world = World()
    for spec in (replace(TRUE, deadline=900.0), replace(TRUE, deadline=1500.0, begin_time=1600.0)):
        with pytest.raises(Infeasible, match="deadline"):
            world.submit(spec)


def test_a_job_before_its_begin_is_not_in_the_plan_and_a_clock_set_back_keeps_it_there() -> None:
    world = World()
    (job_id,) = world.submit(replace(TRUE, begin_time=2000.0))
    assert world.state.next_time(world.time) == 2000.0
    for now, there in ((1999.0, False), (2000.0, True), (1500.0, False), (2500.0, True)):
        assert [item.id for item in world.state.snapshot(now).pending] == ([job_id] if there else [])
    assert job(world, job_id).eligible_time == 2000.0


def test_what_a_pending_job_asks_for_can_be_changed() -> None:
    world = World(["n1", "n2"])
    first, second = world.submit(TRUE, TRUE)
    update(world, second, priority=3, nodes=2, name="big", time_limit_s=60)
    assert pending(world) == [second, first]
    spec = job(world, second).spec
    assert (spec.nodes, spec.max_nodes, spec.name, spec.time_limit_s) == (2, 0, "big", 60)
    assert changing.update(world.state, second, JobChange(nodes=2), world.time, {}) == []


def test_a_change_that_a_submit_would_refuse_is_refused() -> None:
    world = World()
    (job_id,) = world.submit(replace(TRUE, hold=True))
    with pytest.raises(Infeasible, match="asks for 2 nodes"):
        update(world, job_id, nodes=2)
    with pytest.raises(InvalidValue, match="bad number of nodes 5-2"):
        update(world, job_id, nodes=5, max_nodes=2)
    with pytest.raises(InvalidValue, match="bad job name"):
        update(world, job_id, name="a/b")
    with pytest.raises(InvalidValue, match="begin time"):
        update(world, job_id, begin_time=float("inf"))
    assert job(world, job_id).spec == replace(TRUE, hold=True)


def test_of_a_running_job_the_time_limit_changes_and_its_node_hears_of_it() -> None:
    world = World()
    job_id = world.run(replace(TRUE, time_limit_s=100))
    update(world, job_id, time_limit_s=50)
    assert SyncNode("n1") in world.told
    assert [item.time_limit_s for item in world.state.desired("n1")] == [50]
    with pytest.raises(Conflict, match="RUNNING: its nodes can be changed only while it is pending"):
        update(world, job_id, nodes=1)


def test_changes_keep_the_age_of_a_job_but_for_another_begin() -> None:
    world = World()
    (job_id,) = world.submit()
    since = job(world, job_id).eligible_time
    update(world, job_id, nice=5)
    assert job(world, job_id).eligible_time == since
    update(world, job_id, begin_time=5000.0)
    assert job(world, job_id).eligible_time == 5000.0
    assert pending(world) == []


def test_node_seconds_are_charged_to_account_and_user_and_halved_with_time() -> None:
    site = Site(qos=(Qos("half", usage_factor=0.5),), accounts=(Account("a"),), half_life_s=1000.0)
    world = World(["n1"])
    world.state.site, world.state.usage = site, type(world.state.usage)(1000.0)
    spec = replace(TRUE, account="a", user="me", qos="half")
    job_id = world.run(spec)
    granted = job(world, job_id).granted_time
    running_now = world.state.snapshot(granted + 10.0).usage[("a", "me")]
    assert running_now == pytest.approx(5.0, rel=0.01)
    world.time = granted + 9.0
    world.say("n1", exited(job_id, end_time=world.time))
    ended = world.time
    assert world.state.snapshot(ended).usage[("a", "me")] == pytest.approx(running_now, rel=1e-6)
    assert world.state.snapshot(ended + 1000.0).usage[("a", "me")] == pytest.approx(running_now / 2, rel=1e-6)
    again = State.load(world.state.dump(), site)
    assert again.snapshot(ended).usage == world.state.snapshot(ended).usage


def test_who_has_used_less_goes_first() -> None:
    site = Site(weights=Weights(age=0, fair_share=1000))
    world = World(["n1"])
    world.state = State(site)
    world.do(NodeRegistered(world.tick(), offer("n1")))
    first = world.run(replace(TRUE, user="greedy"))
    world.time += 100
    greedy, modest = world.submit(replace(TRUE, user="greedy"), replace(TRUE, user="modest"))
    assert pending(world) == [modest, greedy]
    assert world.state.snapshot(world.time).priorities[0] > world.state.snapshot(world.time).priorities[1]
    assert job(world, first).state is JobState.RUNNING


def test_a_requeued_job_that_is_frozen_leaves_everything_behind() -> None:
    world = World()
    job_id = world.run()
    suspend(world, job_id)
    requeue(world, job_id)
    assert (job(world, job_id).suspended_s, job(world, job_id).suspend_time) == (0.0, 0.0)


def test_a_job_in_mid_life_survives_a_dump() -> None:
    world = World(["n1", "n2", "n3"])
    frozen, again = world.run(), world.run()
    world.submit(replace(TRUE, begin_time=9000.0), replace(TRUE, deadline=8000.0, hold=True))
    suspend(world, frozen)
    requeue(world, again)
    loaded = State.load(world.state.dump())
    loaded.check()
    assert (loaded.jobs, loaded.nodes, loaded.leaving) == (world.state.jobs, world.state.nodes, world.state.leaving)
    assert loaded.next_time(0.0) == world.state.next_time(0.0)
    assert [item.id for item in loaded.snapshot(9000.0).pending] == [item.id for item in world.state.snapshot(9000.0).pending]


def test_others_are_planned_anew_when_a_job_stands_still_and_when_it_goes_on() -> None:
    world = World()
    job_id = world.run()
    assert Replan() in world.do(*changing.suspend(world.state, job_id, world.tick()))
    assert Replan() in world.do(*changing.resume(world.state, job_id, world.tick()))
