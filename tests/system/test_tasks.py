"""Tasks on real containers: each on its own core, proven by the kernel, and one end for all."""

import json
import os
import signal
import stat
from pathlib import Path

import pytest

from hpcsched.client import JobSpec, ResourceRequest
from hpcsched.model.container import EndCause, Mount
from hpcsched.model.job import JobState, Reason
from tests.integration.daemons import DEADLINE_S, daemons, eventually
from tests.system.conftest import up_in

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two tasks on their own cores need two CPUs"),
]
BOTH = pytest.mark.parametrize("runtime", ["lxc", "baremetal"])
TWO = ResourceRequest(ntasks_per_node=2, cpus_per_task=1)


def sh(script, **options):
    return JobSpec(**{"command": ("/bin/sh", "-c", script), "resources": TWO, **options})


def run(up, spec):
    with up.client() as client:
        job = client.wait(client.submit(spec), 60)
        return job, client.output(job.id).decode()


@BOTH
def test_each_task_runs_on_its_own_core_and_the_receipt_has_it_from_the_kernel(up, runtime):
    script = "echo $HPCSCHED_TASK_ID/$HPCSCHED_NTASKS $(taskset -pc $$ | sed 's/.*: //') $HPCSCHED_CPUS $OMP_PLACES"
    job, output = run(up, sh(script, runtime=runtime))
    assert job.state is JobState.COMPLETED, job.message
    tasks = job.allocation.bindings[0].binding.tasks
    assert sorted(output.splitlines()) == [
        f"{number}/2 {task.cpus} {task.cpus} {{{task.cpus}}}" for number, task in enumerate(tasks)
    ]
    assert len(tasks) == 2
    assert tasks[0].cpus.isdisjoint(tasks[1].cpus)
    seen = job.parts[0].observed.tasks
    assert [item.cpus for item in seen] == [item.cpus for item in tasks]
    assert all(item.policy.startswith("prefer") and item.policy.endswith(f":{tasks[0].mems}") for item in seen)


@pytest.mark.skipif(not Path("/proc/self/numa_maps").exists(), reason="this kernel has no NUMA")
def test_the_memory_policy_is_the_tasks_own(up):
    job, output = run(up, sh("grep -c ' prefer' /proc/self/numa_maps"))
    assert job.state is JobState.COMPLETED, output
    assert all(int(line) > 0 for line in output.splitlines())


@BOTH
def test_the_job_ends_with_its_last_task_and_has_the_highest_code_and_the_first_failure(up, runtime):
    script = 'if [ $HPCSCHED_TASK_ID = 1 ]; then exit 3; fi; sleep 0.5; echo "still here"; exit 2'
    job, output = run(up, sh(script, runtime=runtime))
    assert (job.state, job.reason, job.exit_code) == (JobState.FAILED, Reason.NON_ZERO_EXIT, 3)
    assert job.message == "task 1: exit code 3"
    assert output == "still here\n"


def test_a_task_that_a_signal_kills_is_named(up):
    job, _ = run(up, sh("[ $HPCSCHED_TASK_ID = 0 ] || kill -SEGV $$"))
    assert (job.state, job.reason, job.signal) == (JobState.FAILED, Reason.RAISED_SIGNAL, signal.SIGSEGV)
    assert job.message == f"task 1: killed by signal {signal.SIGSEGV:d}"


def test_a_command_that_is_not_there_fails_the_job_with_its_name(up):
    job, _ = run(up, JobSpec(command=("/nowhere/solve",), resources=TWO))
    assert (job.cause, job.exit_code) == (EndCause.LAUNCH_FAILED, 127)
    assert "'/nowhere/solve' not found" in job.message
    assert job.message.startswith("task ")


def test_a_script_runs_once_for_each_task(up):
    spec = JobSpec(script=b'#!/bin/sh\necho "$1 $HPCSCHED_LOCAL_TASK_ID"\n', command=("arg",), resources=TWO)
    _, output = run(up, spec)
    assert sorted(output.splitlines()) == ["arg 0", "arg 1"]


def test_what_the_user_sets_wins_over_the_threads_of_a_task(up):
    _, output = run(up, sh("echo $OMP_NUM_THREADS $OMP_PROC_BIND", env=(("OMP_NUM_THREADS", "5"),)))
    assert output == "5 close\n" * 2


def test_lines_of_tasks_come_whole(up):
    script = "for i in $(seq 200); do printf $HPCSCHED_TASK_ID-; printf $HPCSCHED_TASK_ID-; echo $HPCSCHED_TASK_ID; done"
    _, output = run(up, sh(script))
    assert sorted(output.splitlines()) == ["0-0-0"] * 200 + ["1-1-1"] * 200


@BOTH
def test_a_time_limit_ends_all_tasks(up, runtime):
    script = 'trap "echo told $HPCSCHED_TASK_ID; exit 0" TERM; while :; do sleep 0.05; done'
    job, output = run(up, sh(script, time_limit_s=1, grace_s=10, runtime=runtime))
    assert (job.state, job.reason) == (JobState.TIMEOUT, Reason.TIME_LIMIT)
    assert {"told 0", "told 1"} <= set(output.splitlines())


def test_a_task_over_the_jobs_memory_ends_it_as_out_of_memory(up):
    hog = "import os\nif os.environ['HPCSCHED_TASK_ID'] == '1': x = [bytearray(16 << 20) for _ in range(24)]"
    resources = ResourceRequest(ntasks_per_node=2, cpus_per_task=1, mem_per_node=128 << 20)
    job, output = run(up, JobSpec(command=("python3", "-c", hog), resources=resources))
    assert (job.state, job.reason) == (JobState.OUT_OF_MEMORY, Reason.OUT_OF_MEMORY), output


def test_a_cancel_ends_all_tasks_and_a_step_from_outside_has_all_cpus(up):
    with up.client() as client:
        job_id = client.submit(sh("echo up; while :; do sleep 0.05; done"))
        eventually(lambda: client.output(job_id) == b"up\nup\n", "both tasks run")
        done = up.cli("exec", str(job_id), "--", "grep", "Cpus_allowed_list", "/proc/self/status")
        binding = client.job(job_id).allocation.bindings[0].binding
        assert done.stdout.decode() == f"Cpus_allowed_list:\t{binding.cpus}\n"
        eventually(lambda: len(client.job(job_id).parts[0].observed.tasks) == 2, "the receipt of a running job has its tasks")
        client.cancel(job_id)
        assert client.wait(job_id, DEADLINE_S).state is JobState.CANCELLED


def across(folder, script):
    """A job of one task on each of two nodes; the job, and the output files by the node's rank."""
    with up_in(folder, "--nodes", "2") as up, up.client() as client:
        spec = sh(script, nodes=2, resources=ResourceRequest(ntasks_per_node=1), stdout=f"{folder}/out.%n")
        job = client.wait(client.submit(spec), DEADLINE_S)
        assert up.stop() == 0
    return job, [(folder / f"out.{rank}").read_text() for rank in (0, 1)]


def test_tasks_run_on_all_nodes_and_are_numbered_over_them(tmp_path):
    script = (
        "echo $HPCSCHED_TASK_ID $HPCSCHED_LOCAL_TASK_ID/$HPCSCHED_NTASKS; [ $HPCSCHED_NODEID = 0 ] || { sleep 1; echo late; }"
    )
    job, output = across(tmp_path, script)
    assert (job.state, job.exit_code) == (JobState.COMPLETED, 0), job.message
    assert output == ["0 0/2\n", "1 0/2\nlate\n"]


def test_a_task_that_fails_on_one_node_ends_those_on_the_others(tmp_path):
    script = "[ $HPCSCHED_NODEID = 0 ] || exit 4; while :; do sleep 0.05; done"
    job, _ = across(tmp_path, script)
    assert (job.state, job.exit_code) == (JobState.FAILED, 4)
    assert job.message == f"{job.allocation.nodes[1]}: task 1: exit code 4"


def test_an_agent_that_is_killed_finds_all_tasks_again_and_starts_none_twice(tmp_path):
    with daemons(tmp_path) as both, both.client() as client:
        (tmp_path / "shared").mkdir()
        script = (
            "echo ran $HPCSCHED_TASK_ID >> /shared/runs; while [ ! -e /shared/go ]; do sleep 0.05; done; exit $HPCSCHED_TASK_ID"
        )
        job_id = client.submit(sh(script, mounts=(Mount(str(tmp_path / "shared"), "/shared", read_only=False),)))
        runs = tmp_path / "shared" / "runs"
        eventually(lambda: runs.exists() and len(runs.read_text().splitlines()) == 2, "both tasks run")
        both.kill("agent")
        both.start("agent")
        (tmp_path / "shared" / "go").touch()
        job = client.wait(job_id, DEADLINE_S)
        assert (job.state, job.exit_code, job.message) == (JobState.FAILED, 1, "task 1: exit code 1")
        assert sorted(runs.read_text().splitlines()) == ["ran 0", "ran 1"]
        assert [item.cpus for item in job.parts[0].observed.tasks] == [
            item.cpus for item in job.allocation.bindings[0].binding.tasks
        ]


@pytest.fixture
def gpu(tmp_path):
    """A CDI file and the device node that it names, of a major number that has no driver here."""
    place = Path(f"/dev/hpcsched-gpu-{os.getpid()}")
    try:
        os.mknod(place, stat.S_IFCHR | 0o600, os.makedev(195, 220))
    except PermissionError as error:
        pytest.skip(f"this user may not make device nodes: {error}")
    (tmp_path / "cdi").mkdir()
    device = {"name": "0", "containerEdits": {"deviceNodes": [{"path": str(place)}]}}
    file = tmp_path / "cdi" / "gpu.json"
    file.write_text(json.dumps({"cdiVersion": "0.6.0", "kind": "example.com/gpu", "devices": [device]}))
    yield file
    place.unlink()


def test_tasks_go_on_when_a_gpu_has_gone_while_the_agent_was_away(tmp_path, gpu):
    with daemons(tmp_path, agent_keys=f'cdi_dirs = ["{gpu.parent}"]') as both, both.client() as client:
        (tmp_path / "shared").mkdir()
        script = "echo ran >> /shared/runs; while [ ! -e /shared/go ]; do sleep 0.05; done"
        resources = ResourceRequest(ntasks_per_node=2, gpus_per_node=1)
        mounts = (Mount(str(tmp_path / "shared"), "/shared", read_only=False),)
        job_id = client.submit(sh(script, resources=resources, mounts=mounts))
        runs = tmp_path / "shared" / "runs"
        eventually(lambda: runs.exists() and runs.read_text() == "ran\nran\n", "both tasks run")
        both.kill("agent")
        gpu.unlink()
        both.start("agent")
        eventually(lambda: not client.nodes()[0].offer.devices, "the node offers the GPU no more")
        (tmp_path / "shared" / "go").touch()
        job = client.wait(job_id, DEADLINE_S)
        assert (job.state, job.exit_code) == (JobState.COMPLETED, 0), job.message
        assert runs.read_text() == "ran\nran\n"
