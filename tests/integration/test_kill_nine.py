"""kill -9 at every step of a job's life: nothing is lost, nothing runs twice, and the end is still right."""

import contextlib
import dataclasses
import uuid
from pathlib import Path

import pytest

from hpcsched.errors import HpcschedError
from hpcsched.model.container import Mount
from hpcsched.model.job import JobSpec, JobState, Reason
from hpcsched.model.node import NodeState
from tests.integration.daemons import DEADLINE_S, Daemons, daemons, eventually

pytestmark = pytest.mark.system
EXIT = 7


@pytest.fixture
def cluster(tmp_path, no_residue):
    with daemons(tmp_path) as both:
        yield both


def spec_that_counts(folder: Path, seconds: float = 0.0) -> JobSpec:
    """Appends one line to a file on the node at each run, then exits 7."""
    script = f"#!/bin/sh\necho ran >> /count/runs\nsleep {seconds}\nexit {EXIT}\n"
    mount = Mount(str(folder / "count"), "/count", read_only=False)
    return JobSpec(script=script.encode(), mounts=(mount,))


def runs(folder: Path) -> int:
    path = folder / "count" / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


def position(folder: Path) -> int:
    """Of the last event that the journal has acknowledged."""
    return int((folder / "controller" / "journal.mark").read_text().strip() or 0)


def check_ended_once(cluster: Daemons, job_id: int) -> None:
    with cluster.client() as client:
        job = client.wait(job_id, DEADLINE_S)
        assert (job.state, job.exit_code) == (JobState.FAILED, EXIT), (job.state, job.exit_code, job.message, cluster.logs())
        assert runs(cluster.folder) == 1
        assert [record.job.id for record in client.records()].count(job_id) == 1


EVENTS_OF_A_JOB = ["JobsSubmitted", "AllocationGranted", "it runs", "it has exited", "its container is gone"]


@pytest.mark.parametrize("event", range(len(EVENTS_OF_A_JOB)), ids=EVENTS_OF_A_JOB)
def test_a_controller_killed_after_each_event_goes_on_where_it_was(cluster, event):
    (cluster.folder / "count").mkdir()
    reached = position(cluster.folder) + 1 + event
    request, spec = str(uuid.uuid4()), spec_that_counts(cluster.folder)
    with cluster.client() as client, contextlib.suppress(HpcschedError):
        client.submit(spec, request)
    eventually(lambda: position(cluster.folder) >= reached, EVENTS_OF_A_JOB[event], every_s=0.0002)
    cluster.kill("controller")
    cluster.start("controller")
    cluster.wait_for_node()
    with cluster.client() as client:
        job_id = client.submit(spec, request)
    check_ended_once(cluster, job_id)


def stage(folder: Path, job_id: int) -> str:
    path = folder / "n1" / "jobs" / f"job{job_id}.json"
    with contextlib.suppress(OSError):
        text = path.read_text()
        return next((name for name in ("REMOVED", "ENDED", "SPAWNED", "STARTING") if f'"stage":"{name}"' in text), "")
    return "none"


@pytest.mark.parametrize("reached", ["STARTING", "SPAWNED", "ENDED", "REMOVED"])
def test_an_agent_killed_at_each_stage_disturbs_no_container_and_knows_how_it_ended(cluster, reached):
    (cluster.folder / "count").mkdir()
    order = ["none", "", "STARTING", "SPAWNED", "ENDED", "REMOVED"]
    with cluster.client() as client:
        job_id = client.submit(spec_that_counts(cluster.folder, 0.2 if reached == "SPAWNED" else 0))
    seen = "none"

    def come() -> bool:
        nonlocal seen
        now = stage(cluster.folder, job_id)
        gone = seen != "none" and now == "none"
        seen = now
        return gone or order.index(now) >= order.index(reached)

    eventually(come, f"stage {reached}", every_s=0.0002)
    cluster.kill("agent")
    cluster.start("agent")
    check_ended_once(cluster, job_id)
    cluster.wait_for_node()


def test_a_job_goes_on_and_is_reported_while_both_daemons_are_away(cluster):
    (cluster.folder / "count").mkdir()
    with cluster.client() as client:
        job_id = client.submit(spec_that_counts(cluster.folder, 1.0))
        eventually(lambda: client.job(job_id).state is JobState.RUNNING, "the job runs")
    cluster.kill("controller")
    cluster.kill("agent")
    eventually(lambda: runs(cluster.folder) == 1, "the job has begun")
    cluster.start("controller")
    cluster.start("agent")
    cluster.wait_for_answer()
    check_ended_once(cluster, job_id)


def test_a_job_of_two_nodes_ends_right_although_its_first_agent_was_killed(tmp_path):
    with daemons(tmp_path, cpus="0") as both:
        both.start_second_agent()
        both.wait_for_nodes(2)
        (tmp_path / "count").mkdir()
        spec = dataclasses.replace(spec_that_counts(tmp_path, 1.0), nodes=2)
        with both.client() as client:
            job_id = client.submit(spec)
            eventually(lambda: runs(tmp_path) == 1, "the command runs")
        both.kill("agent")
        both.start("agent")
        check_ended_once(both, job_id)
        both.wait_for_nodes(2)


def test_a_job_whose_notes_are_lost_is_lost_and_does_not_run_again(cluster):
    (cluster.folder / "count").mkdir()
    with cluster.client() as client:
        job_id = client.submit(spec_that_counts(cluster.folder, 60))
        eventually(lambda: runs(cluster.folder) == 1, "the command runs")
        cluster.kill("agent")
        (cluster.folder / "n1" / "jobs" / f"job{job_id}.json").unlink()
        cluster.start("agent")
        assert client.wait(job_id, DEADLINE_S).state is JobState.NODE_FAIL
        cluster.wait_for_node()
    assert runs(cluster.folder) == 1


def test_a_node_without_its_agent_for_too_long_is_down_and_its_job_node_fail(tmp_path):
    (tmp_path / "count").mkdir()
    with daemons(tmp_path, agent_timeout_s=0.5) as both, both.client() as client:
        job_id = client.submit(spec_that_counts(tmp_path, 60))
        eventually(lambda: runs(tmp_path) == 1, "the command runs")
        both.kill("agent")
        job = client.wait(job_id, DEADLINE_S)
        assert (job.state, job.reason) == (JobState.NODE_FAIL, Reason.NODE_DOWN)
        both.wait_for_node(NodeState.DOWN)
        both.start("agent")
        both.wait_for_node()


def test_two_agents_of_one_name_are_told_apart_and_the_first_goes_on(cluster):
    other = cluster.folder / "other.toml"
    other.write_text(cluster.write_config().read_text().replace(f"{cluster.folder}/n1", f"{cluster.folder}/elsewhere"))
    second = cluster.spawn("second", "agent", other)
    assert second.wait(DEADLINE_S) == 1
    del cluster.processes["second"]
    last = (cluster.folder / "second.log").read_text().strip().splitlines()
    assert len(last) == 1
    assert "already has an agent" in last[0]
    cluster.wait_for_node()
