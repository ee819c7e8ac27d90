"""Where the kernel lets a job run, and where its pages lie, on any layout of NUMA nodes."""

import pytest

from hpcsched.client import ResourceRequest
from hpcsched.model.idset import IdSet
from tests.numa.jobs import MIB, held
from tests.numa.machine import NODES, allowed, cpus_of, distance, ids, megabytes, node_of, nodes_with, pages, siblings

pytestmark = pytest.mark.system
WITH_CPUS = nodes_with("cpu")


def check(job, cpus, mems):
    """Binding, receipt, control group and process agree; the pages lie on `mems` alone."""
    assert (job.binding.cpus, job.binding.mems) == (cpus, mems)
    assert (job.observed.cpus, job.observed.mems) == (cpus, mems)
    assert job.cpuset() == (cpus, mems)
    assert allowed(job.pid) == (cpus, mems)
    found = pages(job.pid)
    assert sum(found.values()) >= 24 * MIB // 4096
    assert set(found) <= set(mems)


def test_the_node_offers_the_numa_nodes_that_the_kernel_has(cluster):
    with cluster.client() as client:
        topology = client.node("n1").offer.topology
    nodes = sorted(ids(NODES / "online"))
    assert {node.os_index: node.pus for node in topology.numa_nodes} == {node: cpus_of(node) for node in nodes}
    assert {node.os_index: node.memory // MIB for node in topology.numa_nodes} == {node: megabytes(node) for node in nodes}
    assert all(node.distance(other) == distance(node.os_index, other) for node in topology.numa_nodes for other in nodes)
    assert {core.pus for core in topology.cores} == {siblings(cpu) for node in WITH_CPUS for cpu in cpus_of(node)}


def test_a_job_of_one_core_has_all_of_that_core_and_the_memory_of_its_node(cluster):
    with held(cluster, ResourceRequest(cores_per_node=1)) as job:
        core = siblings(min(job.binding.cpus))
        check(job, core, IdSet.of([node_of(min(core))]))


def test_a_job_that_fits_one_node_is_not_spread_over_two(cluster):
    cores = len({siblings(cpu).mask for cpu in cpus_of(WITH_CPUS[0])})
    with held(cluster, ResourceRequest(cores_per_node=cores)) as job:
        home = node_of(min(job.binding.cpus))
        check(job, cpus_of(home), IdSet.of([home]))


def test_a_job_of_the_whole_machine_has_every_cpu_and_only_nodes_with_cpus(cluster):
    with held(cluster, ResourceRequest()) as job:
        check(job, IdSet.of(cpu for node in WITH_CPUS for cpu in cpus_of(node)), IdSet.of(WITH_CPUS))


@pytest.mark.parametrize(("node", "runtime"), [(WITH_CPUS[-1], "lxc"), (WITH_CPUS[1], "baremetal")])
def test_a_job_on_a_named_node_has_its_cpus_and_pages_there_alone(cluster, node, runtime):
    with held(cluster, ResourceRequest(numa=str(node)), runtime=runtime) as job:
        check(job, cpus_of(node), IdSet.of([node]))


def test_a_job_spread_over_the_nodes_has_as_many_cores_of_each(cluster):
    with held(cluster, ResourceRequest(cores_per_node=len(WITH_CPUS), numa="spread")) as job:
        check(job, job.binding.cpus, IdSet.of(WITH_CPUS))
        assert [siblings(min(job.binding.cpus & cpus_of(node))) for node in WITH_CPUS] == [
            job.binding.cpus & cpus_of(node) for node in WITH_CPUS
        ]


def test_a_job_without_smt_has_the_lowest_thread_of_each_core(cluster):
    with held(cluster, ResourceRequest(threads_per_core=1)) as job:
        check(job, IdSet.of({min(siblings(cpu)) for node in WITH_CPUS for cpu in cpus_of(node)}), IdSet.of(WITH_CPUS))


def test_a_job_that_needs_the_memory_of_two_nodes_takes_the_nearest_beside_its_own(cluster):
    with cluster.client() as client:
        everything = client.node("n1").offer.memory
    nodes = nodes_with("memory")
    ask = everything * 5 // 4 * max(map(megabytes, nodes)) // sum(map(megabytes, nodes)) // MIB * MIB
    with held(cluster, ResourceRequest(cores_per_node=1, mem_per_node=ask, numa="pack")) as job:
        home = node_of(min(job.binding.cpus))
        others = sorted((node for node in WITH_CPUS if node != home), key=lambda node: (distance(home, node), node))
        check(job, job.binding.cpus, IdSet.of([home, others[0]]))
        assert sum(amount for _, amount in job.binding.memory_split) == ask == job.observed.memory
