"""What happens to the agent does not happen to the job; and jobs that run again."""

from pathlib import Path

import pytest

from hpcsched.client import JobSpec, ResourceRequest
from hpcsched.model.job import JobState
from hpcsched.model.node import NodeState
from tests.integration.daemons import eventually
from tests.numa.gpus import gpus
from tests.numa.jobs import MIB, ended, held, ready, state
from tests.numa.machine import allowed

pytestmark = pytest.mark.system


def test_killing_the_agent_changes_nothing_for_a_running_job_and_the_next_one_starts(cluster):
    resources = ResourceRequest(cores_per_node=1, mem_per_node=128 * MIB, gpus_per_node=1)
    with held(cluster, resources) as job, cluster.client() as client:
        before = state(job)
        assert sorted(before[0][gpu.path] for gpu in gpus()) == ["Operation not permitted", "Operation not permitted", "ok"]
        cluster.kill("agent")
        assert state(job) == before
        eventually(lambda: not client.node("n1").connected, "the controller sees that the agent is gone", every_s=0.1)
        cluster.start("agent")
        cluster.wait_for_node(NodeState.ALLOCATED)
        assert state(job) == before
        now = client.job(job.job.id)
        assert now.state is JobState.RUNNING
        assert now.parts[0].observed == job.observed
    after, output = ended(cluster, JobSpec(command=("true",)))
    assert after.state is JobState.COMPLETED, (after.message, output)


def test_a_requeued_job_runs_again_under_its_id_in_another_container_that_is_pinned_like_the_first(cluster):
    with held(cluster, ResourceRequest(cores_per_node=1, mem_per_node=128 * MIB)) as job, cluster.client() as client:
        assert client.requeue(job.job.id).restarts == 1
        again = ready(client, job.job.id)
        assert again.pid != job.pid
        assert not Path(f"/proc/{job.pid}").exists()
        assert again.cpuset() == allowed(again.pid) == (again.binding.cpus, again.binding.mems)
        assert (again.observed.memory, again.observed.partition) == (job.observed.memory, job.observed.partition)
