"""Arrays and small jobs of several users on a few nodes, under every policy: each has its turn."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsched.model.job import JobSpec, JobState, ResourceRequest
from hpcsched.model.site import Partition, Site
from hpcsched.plugins import load, names
from hpcsched.sched.verify import verify
from hpcsched.state import decide
from hpcsched.state.due import due
from hpcsched.state.state import State
from hpcsched.testing.worker_world import WorkerNode, WorkerWorld

NODES = ("n1", "n2", "n3")
CORES = 4
"""Of each node."""
POLICIES = pytest.mark.parametrize("policy", names("policies"))
CORE = ResourceRequest(cores_per_node=1)


class Steady(random.Random):
    """Everything goes well, and each task ends at the next look."""

    def random(self) -> float:
        return 0.0

    def choice(self, seq: Any) -> Any:
        return seq[0]


class Shared(WorkerWorld):
    """Three nodes under a real policy, whose plans are judged; a round is the time of one task."""

    def __init__(self, policy: str) -> None:
        super().__init__(())
        self.state = State(Site(partitions=(Partition("all", default=True, shared=True),)))
        self._policy = load("policies", policy)()
        for name in NODES:
            self.register(name)
        self.runs: Counter[tuple[int, int]] = Counter()
        self.agents = [WorkerNode(name, Steady(), self.runs) for name in NODES]

    def plan(self) -> tuple[int, ...]:
        self.do(*due(self.state, self.tick()))
        snapshot = self.state.snapshot(self.time)
        plan = self._policy.plan(snapshot)
        verify(plan, snapshot)
        self.do(*decide.allocate(self.state, plan, self.time))
        self.feed()
        return ()

    def round(self) -> None:
        self.plan()
        for agent in self.agents:
            agent.follow(self.state, calm=True)
            self.hear(agent)


@POLICIES
def test_an_array_gives_its_nodes_to_a_job_before_it_within_a_task_s_time(policy: str) -> None:
    world = Shared(policy)
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
    world = Shared(policy)
    for user, array, cores in asked:
        resources = ResourceRequest(cores_per_node=cores)
        world.submit(JobSpec(("x",), user=user, array=array, resources=resources, time_limit_s=3600))
        world.round()
    sizes = [job.array.size if job.array else 1 for job in world.state.jobs.values() if not job.is_worker]
    for _ in range(sum(sizes) + 8 * len(asked)):
        world.round()
    assert not world.state.jobs
    assert all(record.job.state is JobState.COMPLETED for record in world.records.values())
