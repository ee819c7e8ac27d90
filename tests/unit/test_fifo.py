from dataclasses import replace

from hpcsched.model.job import Job, JobSpec, JobState, Reason, ResourceRequest
from hpcsched.model.node import Node
from hpcsched.model.site import Site
from hpcsched.model.snapshot import Plan, Snapshot
from hpcsched.policies.fifo import Fifo
from hpcsched.sched.waiting import in_columns
from hpcsched.state.events import NodeDrained
from hpcsched.testing.topologies import grid, offer_of
from hpcsched.testing.world import TRUE, World

BIG = JobSpec(("x",), resources=ResourceRequest(cores_per_node=16))


def plan(world: World) -> Plan:
    return Fifo().plan(world.state.snapshot(0.0))


def test_jobs_start_by_priority_then_by_arrival() -> None:
    world = World(["n1", "n2"])
    world.submit(TRUE, TRUE, replace(TRUE, priority=1))
    assert [start.job_id for start in plan(world).starts] == [3, 1]


def test_nobody_overtakes_the_first_that_waits_for_nodes() -> None:
    world = World(["n1", "n2"])
    world.run()
    wide, small, last = world.submit(replace(TRUE, nodes=2), TRUE, TRUE)
    made = plan(world)
    assert made.starts == ()
    head = made.wait(wide)
    assert head is not None
    assert head.reason is Reason.RESOURCES
    assert head.message == "first in line; waits for 2 free nodes that fit: 1 of 2 nodes in service are free"
    for job_id in (small, last):
        wait = made.wait(job_id)
        assert wait is not None
        assert (wait.reason, wait.message) == (Reason.PRIORITY, f"job {wide} is ahead and waits for nodes")


def test_a_job_whose_nodes_are_out_of_service_blocks_nobody() -> None:
    world = World(["n1"])
    big = Node(offer_of(grid(cores=16), "n2"), connected=True)
    world.state.put_node(big)
    world.do(NodeDrained(world.tick(), "n2", "fan"))
    waiting, small = world.submit(BIG, TRUE)
    made = plan(world)
    assert [start.job_id for start in made.starts] == [small]
    wait = made.wait(waiting)
    assert wait is not None
    assert wait.reason is Reason.REQ_NODE_NOT_AVAIL


def test_without_nodes_everybody_waits_for_one() -> None:
    world = World([])
    world.submit()
    wait = plan(world).wait(1)
    assert wait is not None
    assert "start an agent" in wait.message


def test_a_held_job_is_not_seen() -> None:
    world = World()
    world.submit(replace(TRUE, hold=True))
    assert plan(world) == Plan()


def test_work_stops_at_the_first_job_that_waits_for_nodes() -> None:
    """However long the queue: the jobs behind it are not even looked at."""
    jobs = tuple(Job(number, TRUE, "r", JobState.PENDING, 0.0) for number in range(1, 4))
    node = Node(offer_of(grid(), "n1"), connected=True)

    waiting = in_columns(jobs)
    waiting.columns.jobs[2] = None
    assert Fifo().plan(Snapshot(0.0, (node,), waiting, (), Site(max_overtake_s=0))).wait(2) is not None
