"""Huge pages: taken from the pools of the job's NUMA nodes, as many as granted and no more."""

import errno
import signal
from pathlib import Path

import pytest

from hpcsched.client import JobSpec, ResourceRequest
from hpcsched.errors import Infeasible
from hpcsched.model.allocation import HugePages
from hpcsched.model.node import NodeState
from tests.integration.daemons import eventually
from tests.numa.jobs import HOLD_HUGE, MIB, held
from tests.numa.machine import NODES, nodes_with

pytestmark = pytest.mark.system
SIZE = 2 * MIB


def free(node):
    return int((NODES / f"node{node}/hugepages/hugepages-2048kB/free_hugepages").read_text())


@pytest.mark.parametrize("node", nodes_with("cpu"))
def test_huge_pages_come_from_the_pool_of_the_jobs_own_node(cluster, node):
    before = {other: free(other) for other in nodes_with("memory")}
    resources = ResourceRequest(cores_per_node=1, numa=str(node), hugepages=((SIZE, 8),))
    with held(cluster, resources, 8, HOLD_HUGE) as job:
        assert job.binding.hugepages == (HugePages(node, SIZE, 8),)
        assert {other: count - free(other) for other, count in before.items()} == {other: 8 * (other == node) for other in before}
        assert (SIZE, 8 * SIZE) in job.observed.hugepages
        assert int((job.group.parent / "hugetlb.2MB.max").read_text()) == 8 * SIZE
    assert {other: free(other) for other in before} == before


def test_a_page_above_those_granted_is_refused_by_the_kernel(cluster):
    """With ENOMEM where reservations are limited (rsvd.max), with SIGBUS where only pages are."""
    refused = (f"signal {int(signal.SIGBUS)}", f"code {errno.ENOMEM}")
    with held(cluster, ResourceRequest(cores_per_node=1, hugepages=((SIZE, 4),)), 4, HOLD_HUGE) as job:
        assert job.output.decode().splitlines()[0].removeprefix("one more page: ") in refused


def test_a_job_of_two_nodes_has_half_of_its_huge_pages_on_each(cluster):
    before = {node: free(node) for node in (0, 1)}
    with held(cluster, ResourceRequest(numa="0,1", hugepages=((SIZE, 8),)), 8, HOLD_HUGE) as job:
        assert job.binding.hugepages == (HugePages(0, SIZE, 4), HugePages(1, SIZE, 4))
        assert sum(before[node] - free(node) for node in before) == 8


def test_a_folder_for_huge_pages_is_mounted_inside(cluster):
    with held(cluster, ResourceRequest(cores_per_node=1, hugepages=((SIZE, 4),)), 4, HOLD_HUGE) as job:
        mounts = [line.split() for line in Path(f"/proc/{job.pid}/mountinfo").read_text().splitlines()]
        assert [mount[4] for mount in mounts if mount[mount.index("-") + 1] == "hugetlbfs"] == ["/dev/hugepages"]


def test_the_pages_that_a_job_holds_do_not_drain_the_node_when_its_agent_comes_back(cluster):
    count = free(1)
    resources = ResourceRequest(cores_per_node=1, numa="1", hugepages=((SIZE, count),))
    with held(cluster, resources, count, HOLD_HUGE), cluster.client() as client:
        offered = client.node("n1").offer.hugepages
        cluster.kill("agent")
        eventually(lambda: not client.node("n1").connected, "the controller sees that the agent is gone", every_s=0.1)
        cluster.start("agent")
        eventually(lambda: client.node("n1").connected, "the agent is back", every_s=0.1)
        assert free(1) == 0
        assert (client.node("n1").state, client.node("n1").drain_reason) == (NodeState.ALLOCATED, "")
        assert client.node("n1").offer.hugepages == offered
    with cluster.client() as client:
        assert (client.node("n1").state, client.node("n1").drain_reason) == (NodeState.IDLE, "")


def test_more_huge_pages_than_the_nodes_have_are_refused_at_submit(cluster):
    with cluster.client() as client, pytest.raises(Infeasible, match="huge pages"):
        client.submit(JobSpec(command=("true",), resources=ResourceRequest(hugepages=((SIZE, 10_000),))))
