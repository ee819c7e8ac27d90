"""Jobs that change in mid-life, over the wire, in a controller without agents; and what time alone changes."""

import time

import grpc
import pytest

from hpcsched.client import Client, JobSpec
from hpcsched.errors import Conflict, Infeasible, InvalidValue, NotFound
from hpcsched.model.change import JobChange
from hpcsched.model.job import JobState, Reason
from hpcsched.v1 import job_service_pb2 as pb
from hpcsched.v1 import job_service_pb2_grpc
from tests.integration.daemons import DEADLINE_S, Daemons, eventually

TRUE = ("true",)


@pytest.fixture
def daemons(tmp_path):
    both = Daemons(tmp_path)
    both.start("controller")
    try:
        both.wait_for_answer()
        yield both
    finally:
        both.stop()


def test_what_a_job_waits_for_is_told_kept_over_a_restart_and_changed(daemons) -> None:
    with Client(daemons.address) as client:
        held = client.submit(JobSpec(TRUE, hold=True))
        job_id = client.submit(JobSpec(TRUE, dependency=f"afterok:{held}"))
        assert client.job(job_id).reason is Reason.DEPENDENCY
        daemons.kill("controller")
        daemons.start("controller")
        daemons.wait_for_answer()
        client.cancel(held)
        assert client.job(job_id).reason is Reason.DEPENDENCY_NEVER
        with pytest.raises(Infeasible, match=f"job {held} ended CANCELLED"):
            client.submit(JobSpec(TRUE, dependency=f"afterok:{held}"))
        with pytest.raises(NotFound, match="there is no job 99"):
            client.update(job_id, JobChange(dependency="afterok:99"))
        changed = client.update(job_id, JobChange(dependency=f"afterany:{held}", name="x", priority=5))
        assert (changed.spec.dependency, changed.spec.name, changed.spec.priority) == ("", "x", 5)
        assert changed.reason is Reason.REQ_NODE_NOT_AVAIL


def test_a_job_that_is_late_for_its_deadline_ends_without_anybody_asking(daemons) -> None:
    with Client(daemons.address) as client:
        job_id = client.submit(JobSpec(TRUE, deadline=time.time() + 2.0))
        assert client.wait(job_id, timeout_s=DEADLINE_S).state is JobState.DEADLINE


def test_a_job_is_in_the_queue_from_its_begin_on(daemons) -> None:
    with Client(daemons.address) as client:
        job_id = client.submit(JobSpec(TRUE, begin_time=time.time() + 2.0))
        assert client.job(job_id).reason is Reason.BEGIN_TIME
        eventually(lambda: client.job(job_id).reason is not Reason.BEGIN_TIME, "its time has come")


def test_an_ended_job_can_be_cancelled_again_and_not_changed(daemons) -> None:
    with Client(daemons.address) as client:
        job_id = client.submit(JobSpec(TRUE))
        client.cancel(job_id)
        assert client.cancel(job_id).state is JobState.CANCELLED
        for change in (client.hold, client.release, client.requeue, client.suspend, client.resume_job):
            with pytest.raises(Conflict, match=f"job {job_id} is CANCELLED: it can no longer be changed"):
                change(job_id)


def test_what_cannot_be_done_to_a_waiting_job_is_refused(daemons) -> None:
    with Client(daemons.address) as client:
        job_id = client.submit(JobSpec(TRUE, hold=True))
        for call in (client.suspend, client.resume_job):
            with pytest.raises(Conflict, match="is PENDING"):
                call(job_id)
        assert client.requeue(job_id).restarts == 0
        with pytest.raises(InvalidValue, match="nothing to change"):
            client.update(job_id, JobChange())
        with pytest.raises(InvalidValue, match="most nodes"):
            client.update(job_id, JobChange(max_nodes=1 << 31))
        client.cancel(job_id)
        with pytest.raises(Conflict, match="CANCELLED: it can no longer be changed"):
            client.update(job_id, JobChange(nice=1))


def test_the_same_update_sent_late_again_changes_nothing(daemons) -> None:
    with Client(daemons.address) as client, grpc.insecure_channel(daemons.address) as channel:
        job_id = client.submit(JobSpec(TRUE, hold=True))
        stub = job_service_pb2_grpc.JobServiceStub(channel)
        request = pb.UpdateJobRequest(request_id="once", job_id=job_id, change=pb.JobChange(nice=5))
        assert stub.UpdateJob(request, timeout=30).job.spec.nice == 5
        client.update(job_id, JobChange(nice=7))
        assert stub.UpdateJob(request, timeout=30).job.spec.nice == 7
