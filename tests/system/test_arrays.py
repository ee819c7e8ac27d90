"""Arrays and small jobs from the command line to the containers that they share, and back."""

import os
import signal

import pytest

from hpcsched.client import JobSpec, ResourceRequest
from hpcsched.model.job import JobState
from tests.integration.daemons import DEADLINE_S, eventually
from tests.system.conftest import Up, up_in

pytestmark = pytest.mark.system
CPU = ResourceRequest(cpus_per_node=1)
SITE = "[partition.all]\ndefault = true\nshared = true\n"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    (folder / "site.toml").write_text(SITE)
    with up_in(folder, "--config", str(folder / "site.toml")) as running:
        yield running
        assert running.stop() == 0, running.log()


def script(text: str, **values: object) -> JobSpec:
    return JobSpec(command=("/bin/sh", "-c", text), resources=CPU, **values)  # type: ignore[arg-type]


def test_each_task_of_an_array_runs_once_with_its_own_id(shared: Up, tmp_path):
    with shared.client() as client:
        job_id = client.submit(script("echo task $HPCSCHED_ARRAY_TASK_ID of $HPCSCHED_ARRAY_JOB_ID", array="5-40:5,99"))
        job = client.wait(job_id, DEADLINE_S)
        assert (job.state, job.array.done, job.exit_code) == (JobState.COMPLETED, 9, 0)
        assert shared.cli("logs", f"{job_id}_99").stdout.decode() == f"task 99 of {job_id}\n"
        assert [seen.id for seen in client.jobs(include_ended=True, limit=1)] == [job_id]
        eventually(lambda: client.nodes()[0].state.value == "IDLE", "the worker is gone")


def test_an_array_tells_how_many_tasks_failed_and_which_was_the_first(shared: Up):
    with shared.client() as client:
        job = client.wait(client.submit(script("exit $HPCSCHED_ARRAY_TASK_ID", array="0-3")), DEADLINE_S)
    assert (job.state, job.array.done, job.array.failed) == (JobState.FAILED, 1, 3)
    assert job.message.startswith("3 of 4 tasks failed, the first known is task ")


def test_a_cancelled_array_ends_soon_and_frees_its_node(shared: Up):
    with shared.client() as client:
        job_id = client.submit(script("sleep 100", array="0-99999", grace_s=1))
        eventually(lambda: client.job(job_id).state is JobState.RUNNING, "it runs")
        client.cancel(job_id)
        job = client.wait(job_id, DEADLINE_S)
        assert (job.state, job.array.cancelled) == (JobState.CANCELLED, 100_000)
        eventually(lambda: client.nodes()[0].state.value == "IDLE", "the worker is gone")


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two jobs beside each other need two CPUs")
def test_small_jobs_of_one_user_run_beside_each_other_in_one_container(shared: Up):
    meet = "echo $HPCSCHED_CPUS; touch /tmp/small$HPCSCHED_JOB_ID; until [ $(ls /tmp/small* | wc -l) = 2 ]; do sleep 0.02; done"
    with shared.client() as client:
        first, second = client.submit_many([script(meet)] * 2)
        jobs = [client.wait(job_id, DEADLINE_S) for job_id in (first, second)]
        assert [job.state for job in jobs] == [JobState.COMPLETED] * 2
        assert jobs[0].worker == jobs[1].worker
        cpus = [client.output(job.id).split() for job in jobs]
        assert cpus[0] != cpus[1]
        worker = client.job(jobs[0].worker)
        assert worker.is_worker
        eventually(lambda: client.job(jobs[0].worker).state is JobState.COMPLETED, "the worker ends")


def test_a_small_job_ends_with_its_own_exit_code(shared: Up):
    with shared.client() as client:
        job = client.wait(client.submit(script("exit 7")), DEADLINE_S)
    assert (job.state, job.exit_code) == (JobState.FAILED, 7)


def test_run_prints_what_a_small_job_writes_though_its_container_must_start_first(shared: Up):
    done = shared.cli("run", "--cpus-per-node", "1", "--", "/bin/sh", "-c", "echo here; exit 3", code=3)
    assert (done.stdout, done.stderr) == (b"here\n", b"")


def test_a_small_job_that_has_written_nothing_yet_has_an_empty_output(shared: Up):
    with shared.client() as client:
        job_id = client.submit(script("echo here"))
        seen = {client.output(job_id)}
        while not client.job(job_id).state.ended:
            seen.add(client.output(job_id))
        assert seen <= {b"", b"here\n"}
        assert client.output(job_id) == b"here\n"


BURN = "import time; x = bytearray(50 << 20)\nwhile time.process_time() < 0.3: pass"
PLAUSIBLE = (50 << 20, 200 << 20)


def used(up: Up, job_id: int) -> tuple[float, int]:
    """CPU seconds and peak memory, as `hpcsched records` shows them."""
    lines = [line.split("\t") for line in up.cli("records", "--output", "plain").stdout.decode().splitlines()]
    found = next(line for line in lines if line[0] == str(job_id))
    return float(found[7]), int(found[8])


def test_records_show_what_the_tasks_of_an_array_and_a_small_job_used(shared: Up):
    with shared.client() as client:
        array, small = (client.submit(JobSpec(command=("python3", "-c", BURN), resources=CPU, array=ids)) for ids in ("0-4", ""))
        assert [client.wait(job_id, DEADLINE_S).state for job_id in (array, small)] == [JobState.COMPLETED] * 2
    (cpu_s, memory), (own_cpu_s, own_memory) = used(shared, array), used(shared, small)
    assert 1.5 <= cpu_s < 7.5
    assert 0.3 <= own_cpu_s < 1.5
    assert PLAUSIBLE[0] <= memory < PLAUSIBLE[1]
    assert PLAUSIBLE[0] <= own_memory < PLAUSIBLE[1]


def begun(client, job_id: int, times: int) -> None:
    def has() -> bool:
        return client.job(job_id).state is JobState.RUNNING and client.output(job_id) == b"begun\n" * times

    eventually(has, f"job {job_id} has begun {times} times")


STAYS = "echo begun; exec sleep 600"


def test_a_small_job_is_put_back_by_hand_and_its_neighbour_goes_on(shared: Up):
    with shared.client() as client:
        mine, other = client.submit_many([script(STAYS, grace_s=5)] * 2)
        begun(client, mine, 1)
        begun(client, other, 1)
        before = client.job(other)
        shared.cli("requeue", str(mine))
        begun(client, mine, 2)
        after = client.job(other)
        assert (client.job(mine).restarts, client.job(mine).worker) == (1, before.worker)
        assert (after.state, after.restarts, after.start_time) == (JobState.RUNNING, 0, before.start_time)
        refused = shared.cli("suspend", str(other), code=1)
        line = f"runs beside others in the container of worker {before.worker}: it cannot be suspended"
        assert line in refused.stderr.decode()
        assert len(refused.stderr.decode().splitlines()) == 1
        for job_id in (mine, other):
            client.cancel(job_id)
            assert client.wait(job_id, DEADLINE_S).state is JobState.CANCELLED


def test_of_small_jobs_whose_container_is_lost_those_run_again_that_may(shared: Up):
    with shared.client() as client:
        again, once = client.submit_many([script(STAYS, requeue=True), script(STAYS)])
        begun(client, again, 1)
        begun(client, once, 1)
        worker = client.job(client.job(once).worker)
        assert worker.parts[0].observed is not None
        os.kill(worker.parts[0].observed.pid, signal.SIGKILL)
        assert client.wait(once, DEADLINE_S).state is JobState.NODE_FAIL
        begun(client, again, 2)
        job = client.job(again)
        assert job.restarts == 1
        assert job.worker != worker.id
        client.cancel(again)
        client.wait(again, DEADLINE_S)
