"""Jobs whose command runs as tasks on all of their nodes."""

from dataclasses import replace

import pytest

from hpcsched.model.allocation import Allocation, Binding, NodeBinding, TaskBinding
from hpcsched.model.container import EndCause
from hpcsched.model.idset import IdSet
from hpcsched.model.job import JobSpec, JobState
from hpcsched.model.node import NodeState
from hpcsched.state.commands import JobChanged, SyncNode
from hpcsched.state.events import AllocationGranted, CancelRequested
from hpcsched.testing.world import TRUE, World, exited, running

NAMES = ("n1", "n2", "n3")
MEMS = IdSet.of((0,))
TASKS = tuple(TaskBinding(IdSet.parse(cpus), MEMS) for cpus in ("0-3", "4-7"))


def granted(world: World, spec: JobSpec = TRUE, names: tuple[str, ...] = NAMES) -> int:
    """A new job of two tasks on each of these nodes."""
    (job_id,) = world.submit(replace(spec, nodes=len(names)))
    binding = Binding(IdSet.parse("0-7"), MEMS, tasks=TASKS)
    world.do(AllocationGranted(world.tick(), job_id, Allocation(tuple(NodeBinding(name, binding) for name in names))))
    return job_id


def started(world: World, spec: JobSpec = TRUE) -> int:
    job_id = granted(world, spec)
    for name in NAMES:
        world.tell(name, running(job_id))
    return job_id


def env(world: World, name: str) -> dict[str, str]:
    return dict(world.state.desired(name)[0].container.env)


def test_the_command_goes_to_all_nodes_once_all_are_ready() -> None:
    world = World(NAMES)
    job_id = granted(world)
    world.tell("n1", running(job_id))
    world.tell("n2", running(job_id))
    assert [world.state.desired(name)[0].command for name in NAMES] == [None] * 3
    assert world.tell("n3", running(job_id)) == [*map(SyncNode, NAMES), JobChanged(job_id)]
    assert all(world.state.desired(name)[0].command for name in NAMES)


def test_limits_and_output_are_those_of_every_node() -> None:
    world = World(NAMES)
    started(world, replace(TRUE, time_limit_s=60, stdout="/scratch/%N-%n.%j"))
    told = [world.state.desired(name)[0] for name in NAMES]
    assert [item.time_limit_s for item in told] == [60, 60, 60]
    assert [item.stdout for item in told] == ["/scratch/n1-0.%j", "/scratch/n2-1.%j", "/scratch/n3-2.%j"]


def test_tasks_are_counted_over_all_nodes() -> None:
    world = World(NAMES)
    started(world)
    assert [world.state.desired(name)[0].first_task for name in NAMES] == [0, 2, 4]
    assert {(env(world, name)["HPCSCHED_NTASKS"], env(world, name)["HPCSCHED_NTASKS_PER_NODE"]) for name in NAMES} == {("6", "2")}


def test_the_threads_of_a_task_are_for_the_node_to_count() -> None:
    world = World(NAMES)
    started(world)
    assert "OMP_NUM_THREADS" not in env(world, "n1")


def test_a_job_without_tasks_is_told_of_none() -> None:
    world = World()
    world.run()
    assert "HPCSCHED_NTASKS" not in env(world, "n1")
    assert env(world, "n1")["OMP_NUM_THREADS"] == "4"


def test_the_job_ends_when_its_last_part_is_done_and_frees_the_nodes_one_by_one() -> None:
    world = World(NAMES)
    job_id = started(world)
    world.tell("n1", exited(job_id))
    world.clean("n1", job_id)
    assert world.state.jobs[job_id].state is JobState.RUNNING
    assert world.state.nodes["n1"].state is NodeState.IDLE
    assert world.state.desired("n2")[0].release is False
    world.tell("n3", exited(job_id))
    world.tell("n2", exited(job_id))
    job = world.records[job_id].job
    assert (job.state, job.exit_code, job.message) == (JobState.COMPLETED, 0, "")


@pytest.mark.parametrize("done_first", [True, False])
def test_the_first_part_that_fails_ends_the_others_and_says_where(done_first: bool) -> None:
    world = World(NAMES)
    job_id = started(world)
    if done_first:
        world.tell("n1", exited(job_id))
    told = world.tell("n2", exited(job_id, code=7, message="task 3: exit code 7"))
    assert world.state.jobs[job_id].state is JobState.COMPLETING
    assert SyncNode("n3") in told
    assert world.state.desired("n3")[0].release
    for name in NAMES:
        world.tell(name, exited(job_id, EndCause.STOPPED))
    job = world.records[job_id].job
    assert (job.state, job.exit_code, job.message) == (JobState.FAILED, 7, "n2: task 3: exit code 7")


def test_a_node_that_is_lost_fails_the_job_though_others_are_done() -> None:
    world = World(NAMES)
    job_id = started(world)
    world.tell("n1", exited(job_id))
    world.tell("n2", exited(job_id))
    world.tell("n3", exited(job_id, EndCause.LOST))
    assert world.records[job_id].job.state is JobState.NODE_FAIL


def test_a_part_that_is_done_before_the_others_ever_ran_ends_the_job() -> None:
    """No agent that keeps to the protocol says so; the job must not wait for ever."""
    world = World(NAMES)
    job_id = granted(world)
    world.tell("n1", exited(job_id))
    assert world.state.jobs[job_id].state is JobState.COMPLETING


def test_a_cancel_is_for_every_node() -> None:
    world = World(NAMES)
    job_id = started(world)
    world.do(CancelRequested(world.tick(), job_id))
    assert [world.state.desired(name)[0].cancel for name in NAMES] == [True, True, True]


def test_the_end_of_one_node_with_tasks_is_the_end_of_the_job() -> None:
    world = World(["n1"])
    job_id = granted(world, names=("n1",))
    world.tell("n1", running(job_id))
    world.tell("n1", exited(job_id, code=3))
    assert world.records[job_id].job.exit_code == 3
