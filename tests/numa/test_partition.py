"""cpuset partitions of cgroup v2: asked for by the site, made by the kernel, read back."""

from pathlib import Path

import pytest

from hpcsched.client import ResourceRequest
from tests.numa.jobs import held
from tests.numa.machine import allowed, ids

pytestmark = pytest.mark.system
ROOT = Path("/sys/fs/cgroup")


@pytest.fixture
def asked(pytestconfig):
    """The kind that this guest's agent is to make."""
    return pytestconfig.getoption("--agent")[0].split('"')[1]


def test_the_cpus_of_a_job_are_a_valid_partition_that_nobody_else_runs_on(cluster, asked):
    everything = ids(ROOT / "cpuset.cpus.effective")
    with held(cluster, ResourceRequest(cores_per_node=1)) as job:
        assert (job.group.parent / "cpuset.cpus.partition").read_text().strip() == asked
        assert (job.observed.partition_asked, job.observed.partition) == (asked, asked)
        assert ids(ROOT / "cpuset.cpus.effective") == everything - job.binding.cpus
    assert ids(ROOT / "cpuset.cpus.effective") == everything


def test_a_job_of_all_that_is_offered_runs_and_is_a_partition_where_the_site_keeps_a_core(cluster, asked):
    """The kernel leaves the root group at least one CPU; where there is none left, the receipt has its reason."""
    everything = ids(ROOT / "cpuset.cpus.effective")
    with held(cluster, ResourceRequest()) as job:
        kernel = (job.group.parent / "cpuset.cpus.partition").read_text().strip()
        assert job.observed.partition_asked == asked
        assert job.observed.partition.startswith(kernel)
        assert kernel.startswith(f"{asked} invalid (" if job.binding.cpus == everything else asked)
        assert ("invalid" in kernel) == (job.binding.cpus == everything)
        assert allowed(job.pid)[0] == job.cpuset()[0] == job.binding.cpus
