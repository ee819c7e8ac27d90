"""Questions about jobs, through the client and the command line, to a real controller."""

import json
from collections.abc import Iterator

import pytest

from hpcsched.client import Client, JobSpec
from hpcsched.errors import InvalidValue, NotFound
from hpcsched.model.job import JobState, Reason
from tests.integration.test_bad_input import cli, controller_in, one_line

TRUE = JobSpec(command=("true",), time_limit_s=60)


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> Iterator:
    """A controller without agents."""
    with controller_in(tmp_path_factory.mktemp("explain")) as daemons:
        yield daemons


def test_a_waiting_job_is_explained_from_the_queue_of_the_controller(both):
    with Client(both.address) as client:
        first, second = client.submit_many([TRUE, TRUE])
        told = client.explain(second)
        assert (told.job_id, told.state) == (second, JobState.PENDING)
        assert [item.reason for item in told.blockers] == [Reason.REQ_NODE_NOT_AVAIL]
        assert first in [item.job_id for item in told.ahead]


def test_a_dependency_is_explained_by_the_state_of_its_job(both):
    with Client(both.address) as client:
        first = client.submit(TRUE)
        told = client.explain(client.submit(JobSpec(command=("true",), dependency=f"afterok:{first}")))
        assert told.blockers[0].message == f"afterok:{first}: job {first} (true) is PENDING"


def test_a_dry_run_leaves_no_job_behind(both):
    with Client(both.address) as client:
        before = client.jobs()
        told = client.explain(JobSpec(command=("true",), hold=True))
        assert (told.job_id, told.blockers[0].reason) == (0, Reason.JOB_HELD)
        assert [job.id for job in client.jobs()] == [job.id for job in before]


def test_a_dry_run_is_refused_as_the_submit_would_be(both):
    with Client(both.address) as client:
        with pytest.raises(InvalidValue, match="nothing to run"):
            client.explain(JobSpec())
        with pytest.raises(NotFound, match="999999"):
            client.explain(JobSpec(command=("true",), dependency="afterok:999999"))
    one_line(cli(both, "submit", "--dry-run", "-d", "before:1", "--", "true"), 2, "before:1")


def test_an_ended_job_and_one_that_never_was(both):
    with Client(both.address) as client:
        job_id = client.submit(TRUE)
        client.cancel(job_id)
        assert client.explain(job_id).summary == "it was cancelled before it started"
    one_line(cli(both, "explain", "987654"), 1, "there is no job 987654")


def test_the_command_line_prints_what_the_client_gets(both):
    with Client(both.address) as client:
        job_id = client.submit(TRUE)
    done = cli(both, "explain", str(job_id), "--output", "json")
    assert json.loads(done.stdout)["job_id"] == job_id
    assert cli(both, "explain", str(job_id)).stdout.startswith(f"Job {job_id} is PENDING: no node has ever connected")


def test_a_listing_tells_the_priority_that_explain_sums_up_unless_the_job_has_no_place(both):
    with Client(both.address) as client:
        last, held = client.submit(JobSpec(command=("true",), nice=500)), client.submit(JobSpec(command=("true",), hold=True))
        listed = {job.id: job for job in client.jobs()}
        assert listed[last].multifactor == pytest.approx(client.explain(last).priority, abs=1.0)
        assert listed[last].multifactor == pytest.approx(-500, abs=1.0)
        assert (client.job(last).multifactor, listed[held].multifactor) == (listed[last].multifactor, None)
        client.cancel(last)
        assert client.job(last).multifactor is None
