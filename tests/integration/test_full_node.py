"""A node without room fails the job that finds out, by name, takes no other, and goes on when there is room."""

import subprocess

import pytest

from hpcsched.client import JobSpec
from hpcsched.model.job import JobState, Reason
from hpcsched.model.node import NodeState
from tests.integration.daemons import DEADLINE_S, Daemons

pytestmark = pytest.mark.system


@pytest.fixture
def cramped(tmp_path):
    """The agent's folder is a file system of its own, of 8 MiB."""
    small = tmp_path / "n1"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small], check=True)
    both = Daemons(tmp_path)
    try:
        both.start("controller")
        both.start("agent")
        both.wait_for_node()
        yield both
    finally:
        both.stop()
        subprocess.run(["umount", small], check=True)


def fill(file):
    while True:
        file.write(b"x" * 4096)


def test_a_full_disk_of_the_agent_fails_one_job_with_the_reason_and_drains_the_node(cramped):
    ballast = cramped.folder / "n1" / "ballast"
    with cramped.client() as client:
        assert client.wait(client.submit(JobSpec(command=("true",))), DEADLINE_S).state is JobState.COMPLETED
        cramped.wait_for_node()
        with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            fill(file)
        job = client.wait(client.submit(JobSpec(command=("true",))), DEADLINE_S)
        assert (job.state, job.reason) == (JobState.FAILED, Reason.LAUNCH_FAILED)
        assert "No space left" in job.message
        cramped.wait_for_node(NodeState.DRAINED)
        assert f"{cramped.folder}/n1 has 0 free, less than 81.9K" in client.nodes()[0].drain_reason
        ballast.unlink()
        client.resume("n1")
        assert client.wait(client.submit(JobSpec(command=("true",))), DEADLINE_S).state is JobState.COMPLETED
    assert cramped.processes["agent"].poll() is None
