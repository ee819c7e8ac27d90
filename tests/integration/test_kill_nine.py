"""kill -9 at every step of a job's life: nothing is lost, nothing runs twice, and the end is still right."""

import contextlib
import uuid
from pathlib import Path

import pytest

from hpcsched.errors import HpcschedError
from hpcsched.model.container import Mount
from hpcsched.model.job import JobSpec, JobState
from tests.integration.daemons import Daemons, daemons, eventually

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
        job = client.wait(job_id, 60)
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
