"""`hpcsched up` ends what it began, however it is told to, and takes up what a kill -9 left."""

import signal
import subprocess

import pytest

from hpcsched.client import JobSpec
from hpcsched.model.job import JobState
from tests.integration.daemons import DEADLINE_S, eventually
from tests.system.conftest import COMMAND, up_in

pytestmark = pytest.mark.system
STUBBORN = JobSpec(command=("/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"))


def running_job(up, spec=STUBBORN):
    with up.client() as client:
        job_id = client.submit(spec)
        eventually(lambda: client.job(job_id).state is JobState.RUNNING and client.output(job_id) == b"up\n", "it runs")
        return job_id


def test_a_second_ctrl_c_does_not_leave_behind_what_the_first_is_taking_away(tmp_path):
    with up_in(tmp_path) as up:
        running_job(up)
        up.process.send_signal(signal.SIGINT)
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(DEADLINE_S) == 0, up.log()


def test_a_job_that_up_ended_is_cancelled_in_the_records_and_waiting_ones_still_wait(tmp_path):
    with up_in(tmp_path) as up, up.client() as client:
        first = running_job(up)
        second = client.submit(JobSpec(command=("true",)))
        assert up.stop() == 0
    with up_in(tmp_path) as up, up.client() as client:
        assert client.job(first).state is JobState.CANCELLED
        assert client.wait(second, DEADLINE_S).state is JobState.COMPLETED
        assert up.stop() == 0


def test_after_a_kill_nine_the_next_up_on_the_folder_finds_the_job_running(tmp_path):
    with up_in(tmp_path) as up:
        job_id = running_job(up, JobSpec(command=("/bin/sh", "-c", "echo up; sleep 2; exit 9")))
        up.process.kill()
        up.process.wait(DEADLINE_S)
    with up_in(tmp_path) as up, up.client() as client:
        job = client.wait(job_id, DEADLINE_S)
        assert (job.state, job.exit_code) == (JobState.FAILED, 9)
        assert up.stop() == 0


def test_a_job_of_two_nodes_runs_in_two_containers_that_know_of_each_other(tmp_path):
    with up_in(tmp_path, "--nodes", "2") as up, up.client() as client:
        spec = JobSpec(command=("/bin/sh", "-c", "echo $HPCSCHED_NNODES $HPCSCHED_NODELIST $HPCSCHED_NODEID"), nodes=2)
        job = client.wait(client.submit(spec), DEADLINE_S)
        output = client.output(job.id)
        assert up.stop() == 0
    assert job.state is JobState.COMPLETED, job.message
    cpus = [part.binding.cpus for part in job.allocation.bindings]
    assert cpus[0].isdisjoint(cpus[1])
    assert [part.observed.cpus for part in job.parts] == cpus
    assert output == b"2 node1,node2 0\n"


def test_settings_of_a_file_count_for_the_agents_of_up(tmp_path):
    config = tmp_path / "hpcsched.toml"
    config.write_text('[agent]\nname = "mine"\npids_limit = 321\n[tuning.quiet]\nnuma_balancing = 0\n')
    with up_in(tmp_path, "--config", str(config)) as up, up.client() as client:
        job = client.wait(client.submit(JobSpec(command=("true",))), DEADLINE_S)
        (node,) = client.nodes()
        assert up.stop() == 0
    assert job.parts[0].observed.pids_max == 321
    assert node.name == "mine"
    assert "quiet" in node.offer.tunings


def test_cpus_of_a_file_are_not_shared_out(tmp_path):
    config = tmp_path / "hpcsched.toml"
    config.write_text('[agent]\ncpus = "0"\n')
    command = [*COMMAND, "up", "--state", str(tmp_path), "--nodes", "2", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode != 0
    assert done.stderr == "hpcsched: [agent] cpus cannot be shared out: leave it out, or start one node\n"
