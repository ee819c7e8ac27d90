"""A NUMA node without CPUs is used when the memory of the others does not do, and not before."""

import pytest

from hpcsched.client import ResourceRequest
from hpcsched.model.idset import IdSet
from tests.numa.jobs import MIB, held
from tests.numa.machine import nodes_with, pages

pytestmark = pytest.mark.system
WITH_CPUS = IdSet.of(nodes_with("cpu"))
WITHOUT = IdSet.of(nodes_with("memory")) - WITH_CPUS


def test_a_job_of_the_whole_machine_leaves_the_node_without_cpus_alone(cluster):
    assert WITHOUT
    with held(cluster, ResourceRequest(), amount=64) as job:
        assert job.cpuset()[1] == WITH_CPUS
        assert not set(pages(job.pid)) & set(WITHOUT)


def test_a_job_that_needs_more_memory_than_the_other_nodes_have_may_use_it(cluster):
    with cluster.client() as client:
        everything = client.node("n1").offer.memory
    with held(cluster, ResourceRequest(mem_per_node=everything - everything % MIB)) as job:
        assert job.binding.mems == job.observed.mems == job.cpuset()[1] == WITH_CPUS | WITHOUT
