"""A benchmark's job is cancelled also if the controller is away just then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hpcsched.bench.submit import execute
from hpcsched.client import Client, JobSpec
from hpcsched.errors import Unreachable
from hpcsched.model.job import Job, JobState
from tests.integration.daemons import Daemons

FAR = JobSpec(("true",), begin_time=4e9)


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Daemons]:
    """Without any node."""
    alone = Daemons(tmp_path)
    alone.start("controller")
    alone.wait_for_answer()
    yield alone
    alone.stop()


@pytest.mark.parametrize("failure", [KeyboardInterrupt, Unreachable])
def test_the_job_of_a_run_that_ends_while_the_controller_is_away(controller: Daemons, failure: type[BaseException]) -> None:
    class Left(Client):
        def wait(self, job_id: int, timeout_s: float | None = None) -> Job:
            controller.kill("controller")
            if failure is KeyboardInterrupt:
                raise KeyboardInterrupt
            return Client.wait(self, job_id, timeout_s)

    def back(_wait_s: float) -> None:
        if "controller" not in controller.processes:
            controller.start("controller")
        controller.wait_for_answer()

    with Left(controller.address) as client:
        with pytest.raises(failure):
            execute(client, FAR, back)
        assert client.job(1).state is JobState.CANCELLED


def test_the_job_of_a_run_that_is_interrupted_before_its_id_is_known(controller: Daemons) -> None:
    class Interrupted(Client):
        lost = False

        def submit(self, spec: JobSpec, request_id: str | None = None) -> int:
            job_id = Client.submit(self, spec, request_id)
            if not self.lost:
                self.lost = True
                raise KeyboardInterrupt
            return job_id

    with Interrupted(controller.address) as client:
        with pytest.raises(KeyboardInterrupt):
            execute(client, FAR)
        assert [(job.id, job.state) for job in client.jobs(include_ended=True)] == [(1, JobState.CANCELLED)]
