"""Outputs and steps on each node of a job, read back from real containers."""

import os
import subprocess

import pytest

from hpcsched.client import JobSpec, ResourceRequest
from hpcsched.errors import NotFound
from hpcsched.model.job import JobState
from tests.integration.daemons import DEADLINE_S, eventually
from tests.system.conftest import COMMAND, Up, up_in

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two nodes on one host need two CPUs"),
]
TASKS = ("-N", "2", "--ntasks-per-node", "1")
UNTIL_TOLD = "echo up $HPCSCHED_NODEID; trap 'echo told; exit 0' TERM; while :; do sleep 0.05; done"


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    with up_in(tmp_path_factory.mktemp("two"), "--nodes", "2") as running:
        yield running
        assert running.stop() == 0, running.log()


def submit(client, script):
    resources = ResourceRequest(ntasks_per_node=1)
    return client.submit(JobSpec(command=("/bin/sh", "-c", script), nodes=2, resources=resources, grace_s=5))


def test_run_prints_what_the_tasks_of_all_nodes_write(two: Up):
    script = "echo $HPCSCHED_NODEID; [ $HPCSCHED_NODEID = 0 ] || { sleep 0.5; printf last; exit 3; }"
    done = two.cli("run", *TASKS, "--", "/bin/sh", "-c", script, code=3)
    assert sorted(done.stdout.splitlines()[:2]) == [b"0", b"1"]
    assert done.stdout.endswith(b"\nlast\n")


def test_run_labels_lines_with_the_node_that_wrote_them(two: Up):
    done = two.cli("run", *TASKS, "--label", "--", "/bin/sh", "-c", "echo $HPCSCHED_NODEID; hostname")
    with two.client() as client:
        first, second = client.jobs(include_ended=True, limit=1)[0].allocation.nodes
    lines = [f"{first}: 0", f"{first}: {first}", f"{second}: 1", f"{second}: {second}"]
    assert sorted(done.stdout.decode().splitlines()) == sorted(lines)


def test_lines_come_from_all_nodes_while_the_job_runs(two: Up):
    with two.client() as client:
        job_id = submit(client, UNTIL_TOLD)
        following = subprocess.Popen(
            [*COMMAND, "--address", two.address, "logs", "-f", str(job_id)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        seen = {following.stdout.readline(), following.stdout.readline()}
        client.cancel(job_id)
        rest, said = following.communicate(timeout=DEADLINE_S)
    assert seen == {b"up 0\n", b"up 1\n"}
    assert (rest.count(b"told\n"), said, following.returncode) == (2, b"", 0)


def test_after_the_end_each_nodes_output_is_still_there(two: Up):
    with two.client() as client:
        job_id = submit(client, "echo $HPCSCHED_NODEID; printf end")
        job = client.wait(job_id, DEADLINE_S)
        assert job.state is JobState.COMPLETED, job.message
        first, second = job.allocation.nodes
        assert two.cli("logs", str(job_id)).stdout == b"0\nend\n1\nend\n"
        assert two.cli("logs", "-f", "--node", second, str(job_id)).stdout == b"1\nend"
        assert [client.output(job_id), client.output(job_id, first), client.output(job_id, second)] == [
            b"0\nend",
            b"0\nend",
            b"1\nend",
        ]
        with pytest.raises(NotFound, match=f"^job {job_id} has no node 'n9': it has {first}, {second}$"):
            client.output(job_id, "n9")


def test_a_step_runs_on_the_node_that_is_named(two: Up):
    with two.client() as client:
        job_id = submit(client, UNTIL_TOLD)
        nodes = client.granted(job_id).allocation.nodes
        eventually(lambda: client.output(job_id, nodes[1]) == b"up 1\n", "the second node's task runs")
        for asked, node in (((), nodes[0]), (("--node", nodes[1]), nodes[1])):
            done = two.cli("exec", *asked, str(job_id), "--", "sh", "-c", "hostname; echo $HPCSCHED_CPUS")
            assert done.stdout.decode().split() == [node, str(client.job(job_id).allocation.on(node).cpus)]
        refused = two.cli("exec", "--node", "n9", str(job_id), "--", "true", code=1).stderr.decode()
        assert refused == f"hpcsched: job {job_id} has no node 'n9': it has {', '.join(nodes)}\n"
        client.cancel(job_id)
        client.wait(job_id, DEADLINE_S)


def test_a_job_without_tasks_writes_on_its_first_node_only(two: Up):
    done = two.cli("run", "-N", "2", "--", "/bin/sh", "-c", "printf $HPCSCHED_NODEID")
    assert done.stdout == b"0"
    with two.client() as client:
        job = client.jobs(include_ended=True, limit=1)[0]
        assert [client.output(job.id, node) for node in job.allocation.nodes] == [b"0", b""]


def test_the_output_of_a_node_that_could_not_start_is_empty_and_the_job_says_why(two: Up):
    with two.client() as client:
        spec = JobSpec(command=("true",), nodes=2, stdout="/nowhere/out", resources=ResourceRequest(ntasks_per_node=1))
        job = client.wait(client.submit(spec), DEADLINE_S)
        assert job.state is JobState.FAILED
    for following in ((), ("-f",)):
        done = two.cli("logs", *following, str(job.id))
        assert (done.stdout, done.stderr) == (b"", b"")
    failed = two.cli("run", *TASKS, "--stdout", "/nowhere/out", "--", "true", code=1)
    assert failed.stderr.count(b"\n") == 1, failed.stderr
    assert b"/nowhere/out" in failed.stderr
