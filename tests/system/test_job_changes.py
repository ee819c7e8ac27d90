"""Jobs that are frozen, requeued and given another limit while their processes really run."""

import pytest

from hpcsched.client import JobSpec
from hpcsched.model.change import JobChange
from hpcsched.model.job import JobState
from tests.integration.daemons import DEADLINE_S, eventually

pytestmark = pytest.mark.system
BOTH = pytest.mark.parametrize("runtime", ["lxc", "baremetal"])


def sh(script, **options):
    return JobSpec(command=("/bin/sh", "-c", script), **options)


def runs(client, job_id):
    return client.job(job_id).state is JobState.RUNNING


@BOTH
def test_a_frozen_job_does_nothing_and_then_goes_on(up, runtime):
    with up.client() as client:
        job_id = client.submit(sh("while :; do echo x; sleep 0.05; done", runtime=runtime))
        eventually(lambda: runs(client, job_id) and client.output(job_id), "the job writes")
        assert client.suspend(job_id).state is JobState.SUSPENDED
        eventually(lambda: client.job(job_id).parts[0].suspended, "its processes are frozen")
        before = client.output(job_id)
        assert all(client.output(job_id) == before for _ in range(100))
        assert client.resume_job(job_id).state is JobState.RUNNING
        eventually(lambda: len(client.output(job_id)) > len(before), "the job writes again")
        client.cancel(job_id)
        assert client.wait(job_id, DEADLINE_S).suspended_s > 0


@BOTH
def test_a_requeued_job_runs_again_under_its_id_and_appends_to_its_output(up, runtime):
    with up.client() as client:
        job_id = client.submit(sh("echo begun; sleep 60", runtime=runtime))
        eventually(lambda: runs(client, job_id) and client.output(job_id) == b"begun\n", "the job writes")
        assert client.requeue(job_id).restarts == 1
        eventually(lambda: client.output(job_id) == b"begun\nbegun\n", "the job writes again")
        client.update(job_id, JobChange(time_limit_s=1))
        assert client.wait(job_id, DEADLINE_S).state is JobState.TIMEOUT
