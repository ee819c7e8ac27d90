"""Arrays and small jobs: side by side in one container, each on cores of its own and with memory near them."""

import pytest

from hpcsched.client import JobSpec, ResourceRequest
from hpcsched.model.idset import IdSet
from hpcsched.model.job import JobState, Reason
from tests.integration.daemons import DEADLINE_S, eventually
from tests.numa.jobs import MIB, held
from tests.numa.machine import allowed, cpus_of, node_of, nodes_with, pages, preferred, siblings

pytestmark = pytest.mark.system
ONE_CORE = ResourceRequest(cores_per_node=1, mem_per_node=64 * MIB)
CORES = {siblings(cpu) for node in nodes_with("cpu") for cpu in cpus_of(node)}


def check(pid, slot):
    """The process may run on the slot's core alone, and its memory is on the node of that."""
    assert allowed(pid)[0] == slot.cpus == siblings(min(slot.cpus))
    node = node_of(min(slot.cpus))
    assert slot.mems == IdSet.of([node])
    assert preferred(pid) == f"prefer (many):{node}"
    assert set(pages(pid)) == {node}


def test_tasks_of_an_array_run_side_by_side_each_on_a_core_of_its_own(cluster):
    with held(cluster, ONE_CORE, amount=4, array=f"0-{len(CORES) - 1}") as array:
        (share,) = array.host.assigned
        slots = {slot.cpus: slot for slot in share.slots}
        assert len(array.pids) == len(share.slots) == len(CORES)
        assert {allowed(pid)[0] for pid in array.pids} == set(slots) == CORES
        for pid in array.pids:
            check(pid, slots[allowed(pid)[0]])
        assert array.observed.cpus == array.cpuset()[0] == IdSet.of(cpu for core in CORES for cpu in core)


def test_small_jobs_of_one_owner_share_a_container_and_not_a_core_and_another_owner_waits(cluster):
    small = {"amount": 4, "partition": "shared"}
    with cluster.client() as client:
        with held(cluster, ONE_CORE, user="ann", **small) as first, held(cluster, ONE_CORE, user="ann", **small) as second:
            assert first.host.is_worker
            assert (first.host.id, first.group) == (second.host.id, second.group)
            assert not first.binding.cpus & second.binding.cpus
            for job in (first, second):
                check(job.pid, job.binding)
            other = client.submit(JobSpec(("true",), user="bob", partition="shared", resources=ONE_CORE))
            eventually(lambda: client.job(other).reason is Reason.RESOURCES, "a job of another owner waits")
        assert client.wait(other, DEADLINE_S).state is JobState.COMPLETED
        eventually(lambda: not client.node("n1").busy, "the node is free again")
