"""Jobs that give their nodes up, and nodes that are reserved, with real containers."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpcsched.client import JobSpec
from hpcsched.model.job import Job, JobState
from tests.integration.daemons import DEADLINE_S, eventually
from tests.system.conftest import Up, up_in

pytestmark = pytest.mark.system
SITE = """
[qos.normal]
[qos.once]
preempt_mode = "cancel"
grace = "20s"
[qos.again]
preempt_mode = "requeue"
grace = "20s"
[qos.frozen]
preempt_mode = "suspend"
[qos.short]
preempt_mode = "cancel"
grace = "1s"
[qos.urgent]
preempt = ["once", "again", "frozen", "short"]
"""
COUNTS = "trap 'echo told; exit 9' TERM; echo begun; n=0; while [ $n -lt 40 ]; do n=$((n+1)); echo $n; sleep 0.05; done; echo end"
LOOPS = "trap 'echo told; exit 9' TERM; echo begun; while :; do sleep 0.02; done"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "site.toml").write_text(SITE)
    with up_in(folder, "--config", str(folder / "site.toml")) as running:
        yield running
        assert running.stop() == 0, running.log()


def submit(site: Up, script: str, qos: str, **values: object) -> int:
    with site.client() as client:
        spec = JobSpec(command=("/bin/sh", "-c", script), qos=qos, user="ann", **values)  # type: ignore[arg-type]
        return client.submit(spec)


def job(site: Up, job_id: int) -> Job:
    with site.client() as client:
        return client.job(job_id)


def ended(site: Up, job_id: int) -> Job:
    with site.client() as client:
        return client.wait(job_id, DEADLINE_S)


def output(site: Up, job_id: int) -> list[str]:
    with site.client() as client:
        return client.output(job_id).decode().splitlines()


def begun(site: Up, script: str, qos: str, **values: object) -> int:
    job_id = submit(site, script, qos, **values)
    eventually(lambda: "begun" in output(site, job_id), "the job has begun")
    return job_id


def test_a_victim_is_told_ends_and_makes_room(site: Up) -> None:
    victim = begun(site, LOOPS, "once")
    urgent = submit(site, "echo urgent", "urgent")
    assert ended(site, urgent).state is JobState.COMPLETED
    last = ended(site, victim)
    assert (last.state, last.preempted_by, last.exit_code) == (JobState.PREEMPTED, urgent, 9)
    assert output(site, victim)[-1] == "told"


def test_a_victim_that_does_not_end_is_killed_when_the_grace_of_its_qos_is_over(site: Up) -> None:
    victim = begun(site, "trap '' TERM; echo begun; while :; do sleep 0.02; done", "short", grace_s=3600)
    urgent = submit(site, "echo urgent", "urgent")
    assert ended(site, urgent).state is JobState.COMPLETED
    assert (ended(site, victim).state, ended(site, victim).signal) == (JobState.PREEMPTED, 9)


def test_a_victim_that_may_run_again_waits_behind_the_other(site: Up) -> None:
    victim = begun(site, LOOPS, "again", requeue=True)
    urgent = submit(site, "echo urgent", "urgent")
    assert ended(site, urgent).state is JobState.COMPLETED
    waiting = job(site, victim)
    assert (waiting.state, waiting.restarts) == (JobState.PENDING, 1)
    assert waiting.not_before > time.time()
    site.cli("cancel", str(victim))
    assert ended(site, victim).state is JobState.CANCELLED


def _state_of(pid: int) -> str:
    """Letter of proc_pid_stat(5), and where its control group's freezer stands."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0]


def _is_frozen(pid: int) -> bool:
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if "freezer" in controllers.split(","):
            root = next(mount for mount in _mounts() if re.search(r"\bfreezer\b", mount[1]))[0]
            return Path(f"{root}{path}/freezer.state").read_text().strip() == "FROZEN"
        if number == "0" and (events := Path(f"/sys/fs/cgroup{path}/cgroup.events")).exists():
            return "frozen 1" in events.read_text()
    return False


def _mounts() -> list[tuple[str, str]]:
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [(line[1], line[3]) for line in lines if line[2] == "cgroup"]


def test_a_frozen_victim_stands_still_and_goes_on_where_it_was(site: Up) -> None:
    victim = begun(site, COUNTS, "frozen")
    observed = job(site, victim).parts[0].observed  # type: ignore[union-attr]
    assert observed
    urgent = begun(site, "echo begun; sleep 1; echo urgent", "urgent")
    assert _is_frozen(observed.pid), _state_of(observed.pid)
    assert job(site, victim).state is JobState.SUSPENDED
    assert len(output(site, victim)) < 42
    assert ended(site, urgent).state is JobState.COMPLETED
    last = ended(site, victim)
    assert (last.state, last.exit_code) == (JobState.COMPLETED, 0)
    assert last.suspended_s >= 0.9
    assert output(site, victim) == ["begun", *map(str, range(1, 41)), "end"]


def test_a_reserved_node_takes_jobs_of_the_reservation_alone(site: Up) -> None:
    made = site.cli("reservation", "create", "talk", "--nodes", "*", "--duration", "1h", "--users", "ann")
    (node,) = made.stdout.decode().split()
    assert site.cli("nodes", "--output", "plain").stdout.decode().rstrip("\n").split("\t")[-1] == "talk"
    outside = submit(site, "true", "normal", time_limit_s=60)
    inside = submit(site, "true", "normal", time_limit_s=60, reservation="talk")
    assert ended(site, inside).state is JobState.COMPLETED
    waiting = job(site, outside)
    assert (waiting.state, str(waiting.reason)) == (JobState.PENDING, "Reservation")
    assert f"talk holds node {node}" in waiting.message
    refused = site.cli("reservation", "create", "more", "--nodes", node, "--duration", "1h", code=1)
    assert b"is in reservation talk" in refused.stderr
    site.cli("reservation", "delete", "talk")
    assert ended(site, outside).state is JobState.COMPLETED
