"""A node is tuned for a job and put back, and is not given out again when a job has left something on it."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hpcsched.client import Client, JobSpec, ResourceRequest
from hpcsched.hardware.tunables import value
from hpcsched.model.job import Job, JobState
from hpcsched.model.node import NodeState
from tests.integration.daemons import DEADLINE_S, Daemons, eventually

pytestmark = pytest.mark.system
THP = Path("/sys/kernel/mm/transparent_hugepage/enabled")
BALANCING = Path("/proc/sys/kernel/numa_balancing")
FILES = {"transparent_hugepage": THP, "numa_balancing": BALANCING}


@dataclass
class Tuned(Daemons):
    """Daemons whose settings have a tuning `test`."""

    tuning: str = ""

    def write_config(self, name: str = "config.toml", agent: str = "n1", cpus: str | None = None) -> Path:
        path = super().write_config(name, agent, cpus)
        path.write_text(f"{path.read_text()}[tuning.test]\n{self.tuning}")
        return path


@pytest.fixture
def settings() -> Iterator[dict[str, tuple[str, str]]]:
    """What the node's settings are, and what else they can be; put back whatever happens."""
    before = {name: value(path) for name, path in FILES.items()}
    if not all(before.values()):
        pytest.skip(f"this kernel lacks one of {', '.join(map(str, FILES.values()))}")
    other = {
        "transparent_hugepage": "madvise" if before["transparent_hugepage"] == "always" else "always",
        "numa_balancing": "0" if before["numa_balancing"] == "1" else "1",
    }
    yield {name: (before[name], other[name]) for name in FILES}
    for name, path in FILES.items():
        path.write_text(before[name])


@contextmanager
def running(both: Tuned, second: bool = False) -> Iterator[Client]:
    """Up, with one agent or two."""
    try:
        both.start("controller")
        both.start("agent")
        if second:
            both.start_second_agent()
        both.wait_for_nodes(1 + second)
        with both.client() as client:
            yield client
    finally:
        both.stop()


def tuned(folder: Path, settings: dict[str, tuple[str, str]], **options: str) -> Tuned:
    thp, balancing = settings["transparent_hugepage"][1], settings["numa_balancing"][1]
    return Tuned(folder, tuning=f'transparent_hugepage = "{thp}"\nnuma_balancing = {balancing}\n', **options)


def now(settings: dict[str, tuple[str, str]]) -> dict[str, str]:
    return {name: value(FILES[name]) for name in settings}


def before(settings: dict[str, tuple[str, str]]) -> dict[str, str]:
    return {name: pair[0] for name, pair in settings.items()}


def asked(settings: dict[str, tuple[str, str]]) -> dict[str, str]:
    return {name: pair[1] for name, pair in settings.items()}


def until(file: Path) -> JobSpec:
    """A tuned job that ends when the file is there."""
    command = ("/bin/sh", "-c", f"echo up; until [ -e {file} ]; do sleep 0.05; done")
    return JobSpec(command=command, runtime="baremetal", resources=ResourceRequest(tuning="test"))


def start(client: Client, spec: JobSpec) -> int:
    job_id = client.submit(spec)
    eventually(lambda: client.job(job_id).state is JobState.RUNNING and client.output(job_id) == b"up\n", "it runs")
    return job_id


@pytest.mark.parametrize("runtime", ["lxc", "baremetal"])
def test_settings_are_another_while_the_job_runs_and_on_its_receipt_and_then_as_before(
    tmp_path: Path, settings: dict[str, tuple[str, str]], runtime: str
) -> None:
    spec = JobSpec(command=("cat", *map(str, FILES.values())), runtime=runtime, resources=ResourceRequest(tuning="test"))
    with running(tuned(tmp_path, settings)) as client:
        job = client.wait(client.submit(spec), DEADLINE_S)
        seen = client.output(job.id).decode()
        eventually(lambda: now(settings) == before(settings), "the settings are back")
    assert job.state is JobState.COMPLETED, job.message
    thp, balancing = asked(settings).values()
    assert f"[{thp}]" in seen
    assert seen.endswith(f"\n{balancing}\n")
    told = {item.name: (item.before, item.observed) for item in job.parts[0].observed.tuning}
    assert told == settings


def test_a_job_that_asks_for_no_tuning_changes_nothing(tmp_path: Path, settings: dict[str, tuple[str, str]]) -> None:
    with running(tuned(tmp_path, settings)) as client:
        job = client.wait(client.submit(JobSpec(command=("cat", str(THP)))), DEADLINE_S)
        assert client.output(job.id).decode() == THP.read_text()
    assert job.parts[0].observed.tuning == ()


def test_settings_are_put_back_although_the_agent_was_killed(tmp_path: Path, settings: dict[str, tuple[str, str]]) -> None:
    both = tuned(tmp_path, settings)
    with running(both) as client:
        job_id = start(client, until(tmp_path / "go"))
        both.kill("agent")
        assert now(settings) == asked(settings)
        both.start("agent")
        eventually(lambda: client.nodes()[0].connected, "the agent is back")
        assert now(settings) == asked(settings)
        (tmp_path / "go").touch()
        assert client.wait(job_id, DEADLINE_S).state is JobState.COMPLETED
        eventually(lambda: now(settings) == before(settings), "the settings are back")


def test_an_agent_that_knows_nothing_of_the_job_any_more_puts_its_settings_back(
    tmp_path: Path, settings: dict[str, tuple[str, str]]
) -> None:
    both = tuned(tmp_path, settings)
    with running(both) as client:
        job_id = start(client, until(tmp_path / "never"))
        both.kill("agent")
        (tmp_path / "n1" / "jobs" / f"job{job_id}.json").unlink()
        both.start("agent")
        assert client.wait(job_id, DEADLINE_S).state is JobState.NODE_FAIL
        eventually(lambda: now(settings) == before(settings), "the settings are back")


def test_of_two_jobs_on_one_machine_the_last_one_out_puts_the_settings_back(
    tmp_path: Path, settings: dict[str, tuple[str, str]]
) -> None:
    if not {0, 1} <= os.sched_getaffinity(0):
        pytest.skip("needs CPUs 0 and 1")
    with running(tuned(tmp_path, settings, cpus="0"), second=True) as client:
        first, second = (start(client, until(tmp_path / name)) for name in ("one", "two"))
        (tmp_path / "one").touch()
        assert told_before(client.wait(first, DEADLINE_S)) == before(settings)
        eventually(lambda: [node.state for node in client.nodes()].count(NodeState.IDLE) == 1, "its node is free")
        assert now(settings) == asked(settings)
        (tmp_path / "two").touch()
        assert told_before(client.wait(second, DEADLINE_S)) == before(settings)
        eventually(lambda: now(settings) == before(settings), "the settings are back")


def told_before(job: Job) -> dict[str, str]:
    part = job.parts[0]
    assert part is not None
    assert part.observed is not None
    return {item.name: item.before for item in part.observed.tuning}


@pytest.fixture
def left() -> Iterator[Path]:
    """A file in the node's shared memory that a job may leave."""
    path = Path(f"/dev/shm/hpcsched-test-{uuid.uuid4()}")
    yield path
    path.unlink(missing_ok=True)


def test_a_node_with_a_file_left_in_its_shared_memory_is_drained_until_an_admin_has_looked(tmp_path: Path, left: Path) -> None:
    with running(Tuned(tmp_path)) as client:
        job = client.wait(client.submit(JobSpec(command=("touch", str(left)), runtime="baremetal")), DEADLINE_S)
        assert job.state is JobState.COMPLETED, job.message
        eventually(lambda: client.nodes()[0].state is NodeState.DRAINED, "the node is drained")
        assert client.nodes()[0].drain_reason == f"job {job.id} left {left}"
        waiting = client.submit(JobSpec(command=("true",)))
        left.unlink()
        assert client.job(waiting).state is JobState.PENDING
        client.resume("n1")
        assert client.wait(waiting, DEADLINE_S).state is JobState.COMPLETED
        eventually(lambda: client.nodes()[0].state is NodeState.IDLE, "the node stays in use")


def test_what_a_container_leaves_in_its_own_shared_memory_is_gone_with_it(tmp_path: Path, left: Path) -> None:
    with running(Tuned(tmp_path)) as client:
        job = client.wait(client.submit(JobSpec(command=("touch", str(left)))), DEADLINE_S)
        assert job.state is JobState.COMPLETED, job.message
        eventually(lambda: client.nodes()[0].state is NodeState.IDLE, "the node is in use")
        assert client.nodes()[0].drain_reason == ""
    assert not left.exists()


def test_a_process_that_has_left_its_control_group_drains_the_node_by_name(tmp_path: Path) -> None:
    flight = (
        "setsid sleep 120 > /dev/null & pid=$!; "
        "for group in $(find /sys/fs/cgroup -maxdepth 2 -name cgroup.procs); do echo $pid > $group; done 2> /dev/null; echo $pid"
    )
    with running(Tuned(tmp_path)) as client:
        job = client.wait(client.submit(JobSpec(command=("/bin/sh", "-c", flight), runtime="baremetal")), DEADLINE_S)
        pid = int(client.output(job.id))
        try:
            eventually(lambda: client.nodes()[0].state is NodeState.DRAINED, "the node is drained")
            assert client.nodes()[0].drain_reason == f"job {job.id} left process {pid} (sleep)"
        finally:
            os.kill(pid, signal.SIGKILL)
