"""Jobs that stand still and go on, by the freezer of cgroup v2."""

import math
import signal
import time

import pytest

from hpcsched.client import ResourceRequest
from hpcsched.model.change import JobChange
from hpcsched.model.job import JobState
from tests.integration.daemons import DEADLINE_S, eventually
from tests.numa.jobs import BURN, MIB, held
from tests.numa.machine import allowed, cpu_time, pages, stands_still

pytestmark = pytest.mark.system
ONE_CORE = ResourceRequest(cores_per_node=1, mem_per_node=96 * MIB)


def suspend(client, job):
    client.suspend(job.job.id)
    eventually(lambda: client.job(job.job.id).parts[0].suspended, "its processes are frozen", every_s=0.1)


def check_still(job):
    """Nothing of it runs; returns what it has used."""
    assert stands_still(job.group)
    before = cpu_time(job.group)
    assert {cpu_time(job.group) for _ in range(300)} == {before}
    return before


def check_goes_on(job, before, kept):
    eventually(lambda: cpu_time(job.group) > before, "it goes on", every_s=0.1)
    assert not stands_still(job.group)
    assert (allowed(job.pid), pages(job.pid)) == kept


@pytest.mark.parametrize("runtime", ["lxc", "baremetal"])
def test_a_suspended_job_uses_nothing_and_goes_on_where_it_was(cluster, runtime):
    with held(cluster, ONE_CORE, program=BURN, runtime=runtime) as job, cluster.client() as client:
        kept = allowed(job.pid), pages(job.pid)
        suspend(client, job)
        before = check_still(job)
        client.resume_job(job.job.id)
        check_goes_on(job, before, kept)


def test_the_time_limit_of_a_suspended_job_stands_still(cluster):
    with held(cluster, ONE_CORE) as job, cluster.client() as client:
        suspend(client, job)
        since, began = time.time(), job.job.start_time
        limit = math.ceil(since - began) + 1
        client.update(job.job.id, JobChange(time_limit_s=limit))
        eventually(lambda: time.time() > began + limit + 2, "it would be over for a job that runs", every_s=0.1)
        stood = time.time() - since
        client.resume_job(job.job.id)
        last = client.wait(job.job.id, DEADLINE_S)
        assert last.state is JobState.TIMEOUT
        assert last.parts[0].end_time - last.parts[0].start_time >= limit + stood


def test_a_suspended_job_that_is_cancelled_wakes_up_to_end(cluster):
    with held(cluster, ONE_CORE, program=BURN) as job, cluster.client() as client:
        suspend(client, job)
        client.cancel(job.job.id)
        last = client.wait(job.job.id, DEADLINE_S)
        assert (last.state, last.signal) == (JobState.CANCELLED, signal.SIGTERM)
        eventually(lambda: not job.group.exists(), "its control group is gone")


def test_a_frozen_victim_keeps_its_memory_while_another_job_has_its_cpus(cluster):
    with held(cluster, ONE_CORE, program=BURN, qos="frozen") as victim, cluster.client() as client:
        kept = allowed(victim.pid), pages(victim.pid)
        with held(cluster, ONE_CORE, qos="urgent") as urgent:
            assert client.job(victim.job.id).state is JobState.SUSPENDED
            before = check_still(victim)
            assert (allowed(urgent.pid), stands_still(urgent.group)) == (kept[0], False)
            assert pages(victim.pid) == kept[1]
        check_goes_on(victim, before, kept)
        assert client.job(victim.job.id).state is JobState.RUNNING
