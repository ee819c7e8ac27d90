from dataclasses import replace

from hpcsched.model.container import EndCause
from hpcsched.model.job import JobState
from hpcsched.model.node import NodeState
from hpcsched.state.commands import Replan, SyncNode
from hpcsched.state.events import (
    CancelRequested,
    ControllerStarted,
    NodeDisconnected,
    NodeDrained,
    NodeLost,
    NodeRegistered,
    NodeResumed,
)
from hpcsched.testing.world import TRUE, World, exited, offer, running


def lose(world: World, name: str = "n1") -> None:
    world.do(NodeDisconnected(world.tick(), name))
    world.do(NodeLost(world.tick(), name, "gone"))


def test_a_node_that_registers_can_be_planned_for() -> None:
    world = World([])
    (job_id,) = world.submit()
    assert world.plan() == ()
    assert world.do(NodeRegistered(world.tick(), offer())) == [SyncNode("n1"), Replan()]
    assert world.plan() == (job_id,)


def test_losing_a_node_ends_its_job_once_and_still_bills_it() -> None:
    world = World()
    job_id = world.run()
    lose(world)
    record = world.records[job_id]
    assert (record.job.state, record.job.message) == (JobState.NODE_FAIL, "gone")
    assert record.ran_s > 0
    assert world.tell("n1", exited(job_id)) == []


def test_a_lost_node_that_comes_back_gets_no_job_before_its_old_container_is_gone() -> None:
    world = World()
    old = world.run()
    lose(world)
    (new,) = world.submit()
    world.do(NodeRegistered(world.tick(), offer()))
    world.say("n1", running(old))
    assert world.state.desired("n1") == ()
    assert world.plan() == ()
    world.say("n1")
    assert world.plan() == (new,)


def test_losing_one_node_of_a_job_stops_the_others() -> None:
    world = World(["n1", "n2"])
    job_id = world.run(replace(TRUE, nodes=2))
    lose(world, "n2")
    assert world.state.desired("n1")[0].release
    world.tell("n1", exited(job_id, EndCause.STOPPED))
    assert world.records[job_id].job.state is JobState.NODE_FAIL


def test_losing_all_nodes_of_a_job_ends_it_once() -> None:
    world = World(["n1", "n2"])
    job_id = world.run(replace(TRUE, nodes=2))
    lose(world, "n1")
    lose(world, "n2")
    assert world.records[job_id].job.state is JobState.NODE_FAIL


def test_a_job_cancelled_on_a_node_that_never_answers_is_cancelled() -> None:
    world = World()
    job_id = world.start()
    world.do(CancelRequested(world.tick(), job_id))
    lose(world)
    assert world.records[job_id].job.state is JobState.CANCELLED


def test_a_short_disconnection_disturbs_no_job() -> None:
    world = World()
    job_id = world.run()
    world.do(NodeDisconnected(world.tick(), "n1"), NodeRegistered(world.tick(), offer()))
    assert world.say("n1", running(job_id)) == []
    assert world.state.jobs[job_id].state is JobState.RUNNING


def test_a_node_that_was_booted_again_has_lost_its_job_which_does_not_start_twice() -> None:
    world = World()
    job_id = world.start()
    world.do(NodeDisconnected(world.tick(), "n1"), NodeRegistered(world.tick(), offer(boot_id="boot-2")))
    assert world.state.desired("n1") == ()
    assert world.records[job_id].job.state is JobState.NODE_FAIL


def test_a_lost_event_for_a_node_that_is_back_changes_nothing() -> None:
    world = World()
    world.run()
    assert world.do(NodeLost(world.tick(), "n1", "late")) == []


def test_all_nodes_are_unknown_when_the_controller_starts() -> None:
    world = World(["n1", "n2"])
    world.do(ControllerStarted(world.tick()))
    assert {node.state for node in world.state.nodes.values()} == {NodeState.UNKNOWN}


def test_a_drained_node_ends_its_job_and_gets_no_other_until_it_is_resumed() -> None:
    world = World()
    first = world.run()
    (second,) = world.submit()
    world.do(NodeDrained(world.tick(), "n1", "new fan"))
    assert world.state.nodes["n1"].state is NodeState.DRAINING
    world.tell("n1", exited(first))
    world.clean("n1", first)
    assert world.state.nodes["n1"].state is NodeState.DRAINED
    assert world.plan() == ()
    world.do(NodeResumed(world.tick(), "n1"))
    assert world.plan() == (second,)


def test_a_drain_outlives_a_new_connection() -> None:
    world = World()
    world.do(NodeDrained(world.tick(), "n1", "fan"), NodeRegistered(world.tick(), offer()))
    assert world.state.nodes["n1"].state is NodeState.DRAINED


def test_events_about_unknown_nodes_change_nothing() -> None:
    world = World([])
    world.do(NodeDisconnected(1, "x"), NodeLost(1, "x", "y"), NodeDrained(1, "x", "y"), NodeResumed(1, "x"))
    world.clean("x", 1)
    assert world.state.nodes == {}
