"""Arrays and small jobs of several users on a few nodes, under every policy: each has its turn."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsched.model.container import EndCause
from hpcsched.model.job import JobSpec, JobState, Reason, ResourceRequest
from hpcsched.model.site import Limits, Partition, Site
from hpcsched.plugins import names
from hpcsched.state import changing
from hpcsched.state.events import NodeDisconnected, NodeRegistered
from hpcsched.testing.shared_world import SharedWorld
from hpcsched.testing.worker_world import WorkerContainer
from hpcsched.testing.world import exited, offer, running

NODES = ("n1", "n2", "n3")
CORES = 4
"""Of each node."""
POLICIES = pytest.mark.parametrize("policy", names("policies"))
CORE = ResourceRequest(cores_per_node=1)


@POLICIES
def test_an_array_gives_its_nodes_to_a_job_before_it_within_a_task_s_time(policy: str) -> None:
    world = SharedWorld(policy, NODES)
    (array,) = world.submit(JobSpec(("x",), user="ada", array="0-999", resources=CORE, time_limit_s=3600))
    for _ in range(5):
        world.round()
    assert len(world.state.jobs[array].array.workers) == len(NODES)  # type: ignore[union-attr]
    (job,) = world.submit(JobSpec(("y",), user="ben", nodes=2, priority=10, time_limit_s=3600))
    rounds = 0
    while world.state.jobs[job].state is JobState.PENDING:
        world.round()
        rounds += 1
        assert rounds < 6
    progress = world.state.jobs[array].array
    assert progress is not None
    assert progress.left > 500
    assert len([worker for worker in progress.workers if not world.state.jobs[worker].dismissed]) == 1


jobs = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["", "0-2", "0-9%1", "0-30", "0-60%3", "0-24%5"]), st.integers(1, CORES)),
    min_size=1,
    max_size=20,
)


@POLICIES
@given(asked=jobs)
@settings(deadline=None, max_examples=15)
def test_everyone_s_tasks_run_and_no_longer_than_one_after_the_other_would_take(
    policy: str, asked: list[tuple[str, str, int]]
) -> None:
    """That no more run at once than a throttle allows is looked at after every event."""
    world = SharedWorld(policy, NODES)
    for user, array, cores in asked:
        resources = ResourceRequest(cores_per_node=cores)
        world.submit(JobSpec(("x",), user=user, array=array, resources=resources, time_limit_s=3600))
        world.round()
    sizes = [job.array.size if job.array else 1 for job in world.state.jobs.values() if not job.is_worker]
    for _ in range(sum(sizes) + 8 * len(asked)):
        world.round()
    assert not world.state.jobs
    assert all(record.job.state is JobState.COMPLETED for record in world.records.values())


def limited(**limits: int) -> Site:
    return Site(partitions=(Partition("all", default=True, shared=True, limits=Limits(**limits)),))


@POLICIES
@pytest.mark.parametrize("limits", [{"max_nodes_per_user": 1}, {"max_nodes_per_user": 1, "max_nodes": 2}])
def test_small_jobs_of_an_owner_with_all_nodes_it_may_have_join_the_worker_on_one_of_them(
    policy: str, limits: dict[str, int]
) -> None:
    world = SharedWorld(policy, NODES, limited(**limits))
    mine = world.submit(*[JobSpec(("x",), user="ada", resources=CORE, time_limit_s=3600)] * (CORES + 1))
    (other,) = world.submit(JobSpec(("x",), user="ben", resources=CORE, time_limit_s=3600))
    for _ in range(2):
        world.plan()
    jobs = world.state.jobs
    assert len({jobs[number].worker for number in mine[:-1]}) == 1
    assert jobs[mine[-1]].state is JobState.PENDING
    assert jobs[other].worker not in (None, jobs[mine[0]].worker)
    wait = world.waits[mine[-1]]
    assert wait is not None
    assert wait.reason is Reason.PARTITION_NODES


@POLICIES
def test_a_slot_counts_as_a_job_where_it_counts_as_no_node(policy: str) -> None:
    world = SharedWorld(policy, NODES, limited(max_jobs_per_user=2, max_nodes_per_user=1))
    mine = world.submit(*[JobSpec(("x",), user="ada", resources=CORE, time_limit_s=3600)] * 3)
    for _ in range(3):
        world.plan()
    assert [world.state.jobs[number].state is JobState.PENDING for number in mine] == [False, False, True]
    wait = world.waits[mine[-1]]
    assert wait is not None
    assert wait.reason is Reason.PARTITION_JOBS


@POLICIES
def test_a_slot_is_taken_where_no_node_is_free(policy: str) -> None:
    world = SharedWorld(policy, NODES[:1])
    first, second = world.submit(*[JobSpec(("x",), user="ada", resources=CORE, time_limit_s=3600)] * 2)
    for _ in range(2):
        world.plan()
    (third,) = world.submit(JobSpec(("x",), user="ada", resources=CORE, time_limit_s=60))
    world.plan()
    assert len({world.state.jobs[number].worker for number in (first, second, third)}) == 1


def test_no_slot_keeps_a_job_from_the_start_that_it_was_promised() -> None:
    world = SharedWorld("conservative", NODES[:1])
    (first,) = world.submit(JobSpec(("x",), user="ada", resources=CORE, time_limit_s=3600))
    world.plan()
    (whole,) = world.submit(JobSpec(("x",), user="ben", time_limit_s=3600))
    world.plan()
    short, long = world.submit(*(JobSpec(("x",), user="ada", resources=CORE, time_limit_s=limit) for limit in (600, 7200)))
    world.plan()
    jobs = world.state.jobs
    assert jobs[short].worker == jobs[first].worker
    assert jobs[long].state is jobs[whole].state is JobState.PENDING


@POLICIES
def test_tasks_of_an_array_go_on_where_their_owner_may_have_no_other_node(policy: str) -> None:
    world = SharedWorld(policy, NODES, limited(max_nodes_per_user=1))
    (array,) = world.submit(JobSpec(("x",), user="ada", array="0-39", resources=CORE, time_limit_s=60))
    most = 0
    while world.state.jobs:
        world.round()
        most = max(most, sum(node.job_id is not None for node in world.state.nodes.values()))
    assert (most, world.records[array].job.state) == (1, JobState.COMPLETED)


@pytest.mark.parametrize("deed", ["reboot", "lose", "requeue"])
@pytest.mark.parametrize("requeue", [True, False])
@pytest.mark.parametrize("step", range(5))
def test_a_small_job_that_is_lost_at_any_point_runs_again_if_it_may(deed: str, requeue: bool, step: int) -> None:
    """Steps: granted, the worker begins, it is heard of, the task runs, it is heard of."""
    world = SharedWorld("easy", NODES[:1])
    (job_id,) = world.submit(JobSpec(("x",), user="ada", resources=CORE, requeue=requeue, time_limit_s=60))
    world.plan()
    agent = world.agents[0]
    for at in range(step):
        if at % 2:
            world.hear(agent)
        else:
            _go_on(world, job_id, at > 0)
    _strike(world, job_id, deed)
    for _ in range(10):
        world.round()
    job = world.records[job_id].job
    again = requeue or deed == "requeue"
    assert (job.state, job.restarts) == ((JobState.COMPLETED, 1) if again else (JobState.NODE_FAIL, 0))


def _go_on(world: SharedWorld, job_id: int, runs: bool) -> None:
    """The worker's container is there; in it the task runs and does not end."""
    worker = world.state.jobs[job_id].worker
    assert worker is not None
    container = world.agents[0].containers.setdefault(worker, WorkerContainer(running(worker, world.time)))
    if runs:
        container.tasks[job_id, 0] = None
        container.lives[job_id] = 0
        container.begun[job_id] = 1


def _strike(world: SharedWorld, job_id: int, deed: str) -> None:
    agent, now = world.agents[0], world.tick()
    if deed == "requeue":
        world.do(*changing.requeue(world.state, job_id, now))
    elif deed == "reboot":
        agent.containers.clear()
        world.do(NodeDisconnected(now, agent.name), NodeRegistered(now, offer(agent.name, "boot-2")))
    else:
        worker = world.state.jobs[job_id].worker
        assert worker is not None
        agent.containers[worker] = WorkerContainer(exited(worker, EndCause.LOST, None))
        world.hear(agent)
