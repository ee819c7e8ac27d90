"""Tasks: each on CPUs of its own and with memory near them, by the kernel's word and on the receipt."""

import pytest

from hpcsched.client import ResourceRequest
from hpcsched.model.idset import IdSet
from tests.numa.jobs import held
from tests.numa.machine import allowed, cpus_of, node_of, nodes_with, pages, preferred, siblings

pytestmark = pytest.mark.system
WITH_CPUS = nodes_with("cpu")


def test_one_task_for_each_node_has_all_of_its_cpus_and_its_pages_there(cluster):
    with held(cluster, ResourceRequest(ntasks_per_node=len(WITH_CPUS))) as job:
        assert len(job.pids) == len(WITH_CPUS)
        for node, pid, task, seen in zip(WITH_CPUS, job.pids, job.binding.tasks, job.observed.tasks, strict=True):
            assert allowed(pid)[0] == task.cpus == seen.cpus == cpus_of(node)
            assert task.mems == IdSet.of([node])
            assert set(pages(pid)) == {node}
            assert preferred(pid) == seen.policy == f"prefer (many):{node}"


def test_tasks_of_one_core_each_share_no_core(cluster):
    tasks = len({siblings(cpu).mask for node in WITH_CPUS for cpu in cpus_of(node)})
    with held(cluster, ResourceRequest(ntasks_per_node=tasks), amount=4) as job:
        found = [allowed(pid)[0] for pid in job.pids]
        assert sorted(str(cpus) for cpus in found) == sorted({str(siblings(min(cpus))) for cpus in found})
        assert [set(pages(pid)) for pid in job.pids] == [{node_of(min(cpus))} for cpus in found]
