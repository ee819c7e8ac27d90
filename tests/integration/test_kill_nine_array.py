"""kill -9 in the middle of an array: no task runs twice, none is lost, and nothing is left."""

import random

import pytest

from hpcsched.model.job import JobSpec, JobState, ResourceRequest
from tests.integration.daemons import DEADLINE_S, daemons, eventually

pytestmark = pytest.mark.system
SIZE = 200
SCRIPT = "echo $HPCSCHED_ARRAY_TASK_ID; sleep 0.05; [ $((HPCSCHED_ARRAY_TASK_ID % 50)) != 7 ]"


@pytest.mark.parametrize("victims", [("agent",), ("controller",), ("agent", "controller")])
def test_each_task_of_an_array_runs_once_whatever_is_killed_meanwhile(tmp_path, no_residue, victims):
    source = random.Random(2026)
    spec = JobSpec(command=("/bin/sh", "-c", SCRIPT), array=f"0-{SIZE - 1}", resources=ResourceRequest(cpus_per_node=1))
    with daemons(tmp_path) as cluster:
        with cluster.client() as client:
            job_id = client.submit(spec)
        for part in range(1, 4):
            wait_for(cluster, job_id, part * SIZE // 5 + source.randrange(20))
            for victim in victims:
                cluster.kill(victim)
            for victim in victims:
                cluster.start(victim)
            cluster.wait_for_answer()
        with cluster.client() as client:
            job = client.wait(job_id, DEADLINE_S)
            cluster.wait_for_node()
            lines = sorted(map(int, client.output(job_id).split()))
            assert lines == list(range(SIZE)), cluster.logs()
            assert (job.state, job.array.done, job.array.failed) == (JobState.FAILED, SIZE - SIZE // 50, SIZE // 50)


def wait_for(cluster, job_id, ended):
    def far_enough():
        with cluster.client() as client:
            progress = client.job(job_id).array
            return progress is not None and progress.done + progress.failed >= ended

    eventually(far_enough, f"{ended} tasks have ended")
