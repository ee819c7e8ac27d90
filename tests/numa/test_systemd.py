"""systemd, which owns the root of the hierarchy, and containers that are in no unit of its own."""

import subprocess
from pathlib import Path

import pytest

from hpcsched.client import JobSpec, ResourceRequest
from hpcsched.model.job import JobState
from tests.numa.jobs import MIB, ended, held, state
from tests.numa.machine import nodes_with

pytestmark = pytest.mark.system
ONE_CORE = ResourceRequest(cores_per_node=1, mem_per_node=128 * MIB, gpus_per_node=1)
COMMANDS = {
    "daemon-reload": [("systemctl", "daemon-reload")],
    "daemon-reexec": [("systemctl", "daemon-reexec")],
    "a unit with CPUs of its own": [("systemd-run", "-q", "--wait", "-p", "AllowedCPUs=0-1", "true")],
    "a unit with a memory limit": [("systemd-run", "-q", "--wait", "-p", "MemoryMax=64M", "-p", "TasksMax=20", "true")],
    "a unit with device rules": [("systemd-run", "-q", "--wait", "-p", "DevicePolicy=closed", "true")],
    "a unit that is stopped, then daemon-reload": [
        ("systemd-run", "-q", "-u", "beside", "-p", "AllowedCPUs=0-1", "sleep", "60"),
        ("systemctl", "stop", "beside"),
        ("systemctl", "daemon-reload"),
    ],
}


def test_a_job_that_starts_after_a_daemon_reload_is_pinned_like_one_before(cluster):
    subprocess.run(("systemctl", "daemon-reload"), check=True, timeout=60)
    resources = ResourceRequest(cores_per_node=1, mem_per_node=64 * MIB)
    job, output = ended(cluster, JobSpec(command=("grep", "_allowed_list", "/proc/self/status"), resources=resources))
    assert job.state is JobState.COMPLETED, job.message
    binding = job.allocation.bindings[0].binding
    assert output.decode().split() == ["Cpus_allowed_list:", str(binding.cpus), "Mems_allowed_list:", str(binding.mems)]
    assert set(binding.mems) <= set(nodes_with("memory"))


@pytest.fixture(scope="module")
def job(cluster):
    """One job, on which all that systemd does is tried; no other can start until the end of this module."""
    with held(cluster, ONE_CORE) as job:
        yield job


@pytest.mark.parametrize("commands", COMMANDS.values(), ids=COMMANDS.keys())
def test_what_systemd_does_changes_nothing_for_a_running_job(job, commands):
    assert Path("/proc/1/comm").read_text() == "systemd\n"
    before = state(job)
    for command in commands:
        subprocess.run(command, check=True, timeout=60)
    assert state(job) == before
