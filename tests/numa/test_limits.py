"""What a container may use, by the files of cgroup v2."""

import pytest

from hpcsched.client import JobSpec, ResourceRequest
from hpcsched.model.job import JobState
from tests.numa.jobs import MIB, ended, held
from tests.numa.machine import opened_from

pytestmark = pytest.mark.system
ONE_CORE = ResourceRequest(cores_per_node=1, mem_per_node=96 * MIB)


def test_the_memory_limit_is_the_kernels_and_swap_cannot_lift_it(cluster):
    with held(cluster, ONE_CORE) as job:
        own = job.group.parent
        assert int((own / "memory.max").read_text()) == job.observed.memory == 96 * MIB
        assert (own / "memory.swap.max").read_text() == "0\n"


def test_a_job_above_its_memory_limit_ends_as_out_of_memory(cluster):
    job, output = ended(cluster, JobSpec(command=("python3", "-c", "block = bytearray(160 << 20)"), resources=ONE_CORE))
    assert job.state is JobState.OUT_OF_MEMORY, (job.message, output)


def test_no_group_of_a_job_has_a_cpu_quota(cluster):
    with held(cluster, ONE_CORE) as job:
        groups = [group for group in (job.group, *job.group.parents) if (group / "cpu.max").exists()]
        assert all((group / "cpu.max").read_text().startswith("max ") for group in groups)
        assert not job.observed.cfs_quota


def test_the_kernel_refuses_a_device_that_was_not_granted_and_opens_those_of_every_container(cluster):
    with held(cluster, ONE_CORE) as job:
        assert opened_from(job.group, "/dev/kmsg") == "Operation not permitted"
        assert opened_from(job.group, "/dev/null") == "ok"


def test_a_job_has_no_more_processes_than_the_site_allows(cluster, pytestconfig):
    limit = next(int(line.removeprefix("pids_limit = ")) for line in pytestconfig.getoption("--agent"))
    with held(cluster, ONE_CORE) as job:
        assert int((job.group.parent / "pids.max").read_text()) == job.observed.pids_max == limit
    many = "for number in $(seq 200); do sleep 60 & done; echo started all"
    job, output = ended(cluster, JobSpec(command=("/bin/sh", "-c", many), resources=ONE_CORE))
    assert b"started all" not in output
    assert b"fork" in output, (job.message, output)
