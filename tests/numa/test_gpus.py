"""GPUs: near the job's cores, those granted open, and the kernel refuses the others."""

import pytest

from hpcsched.client import ResourceRequest
from tests.numa.gpus import gpus
from tests.numa.jobs import held
from tests.numa.machine import cpus_of, opened_from

pytestmark = pytest.mark.system
ALL = gpus()
REFUSED = "Operation not permitted"


def check(job, granted):
    """By the binding, by the kernel from the job's control group, by the receipt, and by what is in its /dev."""
    assert sorted(job.binding.gpus) == sorted(gpu.id for gpu in granted)
    paths = {gpu.path for gpu in granted}
    assert {gpu.path: opened_from(job.group, gpu.path) for gpu in ALL} == {
        gpu.path: "ok" if gpu.path in paths else REFUSED for gpu in ALL
    }
    opened = {device.path: (device.granted, device.outcome) for device in job.observed.opened}
    assert opened == {gpu.path: (True, "ok") if gpu.path in paths else (False, "EPERM") for gpu in ALL}
    assert {path for path in job.observed.devices if path.startswith("/dev/vport")} == paths


def test_the_node_offers_each_gpu_with_the_numa_node_that_the_kernel_says(cluster):
    with cluster.client() as client:
        devices = client.node("n1").offer.devices
    assert len(ALL) == 3
    assert {device.id: device.numa for device in devices} == {gpu.id: gpu.node for gpu in ALL}


@pytest.mark.parametrize("node", [0, 1])
def test_one_gpu_lies_on_the_node_of_the_jobs_cores(cluster, node):
    with held(cluster, ResourceRequest(gpus_per_node=1, cores_per_node=1, numa=str(node))) as job:
        (chosen,) = [gpu for gpu in ALL if gpu.id in job.binding.gpus]
        assert chosen.node == node
        assert job.cpuset()[0] <= cpus_of(node)
        check(job, [chosen])


def test_two_gpus_of_one_node_are_taken_together_and_the_cores_follow_them(cluster):
    with held(cluster, ResourceRequest(gpus_per_node=2, cores_per_node=1)) as job:
        assert job.cpuset()[0] <= cpus_of(1)
        check(job, [gpu for gpu in ALL if gpu.node == 1])


def test_a_job_that_asks_for_no_gpu_opens_none(cluster):
    with held(cluster, ResourceRequest(gpus_per_node=0)) as job:
        check(job, [])


def test_a_job_that_does_not_say_has_all_gpus_of_the_node(cluster):
    with held(cluster, ResourceRequest()) as job:
        check(job, ALL)


def test_tasks_on_different_nodes_have_the_gpus_of_their_own(cluster):
    with held(cluster, ResourceRequest(ntasks_per_node=2, gpus_per_node=3)) as job:
        nodes = {gpu.id: gpu.node for gpu in ALL}
        assert [{nodes[gpu] for gpu in task.gpus} for task in job.binding.tasks] == [set(task.mems) for task in job.binding.tasks]
