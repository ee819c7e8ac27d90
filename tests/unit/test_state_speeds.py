"""How fast nodes are by their canaries, in the state."""

from __future__ import annotations

from dataclasses import replace

from hpcsched.model.canary import Median
from hpcsched.state import codec, speeds
from hpcsched.state.events import NodeMeasured, NodeRegistered
from hpcsched.state.state import State
from hpcsched.testing.world import World, offer

FACTS = (("image host", "1"), ("kernel", "6.1"))


def medians(triad: float, gflops: float = 100.0) -> tuple[Median, ...]:
    return Median("stream.triad", triad, "GB/s"), Median("dgemm.gflops", gflops, "Gflop/s")


def measure(world: World, *found: Median, name: str = "n1") -> int:
    """How many events that makes."""
    events = speeds.measured(world.state, name, found, world.tick())
    world.do(*events)
    return len(events)


def test_a_median_counts_when_it_has_moved_by_more_than_what_jobs_are_given() -> None:
    world = World()
    assert measure(world, *medians(20.0)) == 1
    assert measure(world, *medians(20.3)) == 0
    assert measure(world, *medians(19.7)) == 0
    assert world.state.nodes["n1"].medians == medians(20.0)
    assert measure(world, *medians(19.5)) == 1
    assert world.state.nodes["n1"].medians == medians(19.5)


def test_metrics_that_come_and_go_count() -> None:
    world = World()
    measure(world, *medians(20.0))
    assert measure(world, medians(20.0)[0]) == 1
    assert measure(world) == 1
    assert world.state.nodes["n1"].medians == ()
    assert measure(world) == 0


def test_a_node_that_is_not_known_has_no_speed() -> None:
    world = World()
    assert measure(world, *medians(20.0), name="n9") == 0
    world.do(NodeMeasured(world.tick(), "n9", medians(20.0)))
    assert "n9" not in world.state.nodes


def test_what_happens_to_a_node_leaves_its_speed() -> None:
    world = World()
    measure(world, *medians(20.0))
    job_id = world.run()
    assert world.state.nodes["n1"].job_id == job_id
    world.register("n1")
    assert world.state.nodes["n1"].medians == medians(20.0)


def test_another_kernel_is_another_speed_and_another_image_is_not() -> None:
    world = World()
    world.do(NodeRegistered(world.tick(), replace(offer(), facts=FACTS)))
    measure(world, *medians(20.0))
    world.do(NodeRegistered(world.tick(), replace(offer(), facts=(*FACTS, ("image rocky9", "2")))))
    assert world.state.nodes["n1"].medians == medians(20.0)
    world.do(NodeRegistered(world.tick(), replace(offer(), facts=(("kernel", "6.2"),))))
    assert world.state.nodes["n1"].medians == ()


def test_without_canaries_all_of_it_is_forgotten() -> None:
    world = World(("n1", "n2"))
    measure(world, *medians(20.0))
    world.do(*speeds.forgotten(world.state, world.tick()))
    assert world.state.nodes["n1"].medians == ()
    assert speeds.forgotten(world.state, world.tick()) == []


def test_a_dump_and_a_replay_of_the_journal_give_the_same_speeds() -> None:
    world = World(("n1", "n2"))
    measure(world, *medians(20.0))
    measure(world, *medians(15.0, 90.0), name="n2")
    again = State()
    for event in world.log:
        again.apply(codec.decode(*codec.encode(event)))
    for state in (again, State.load(world.state.dump())):
        assert {name: node.medians for name, node in state.nodes.items()} == {"n1": medians(20.0), "n2": medians(15.0, 90.0)}
