"""Whoever sends a request again, because the controller was killed before it answered, is answered and nothing is done twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from hpcsched.client import Client, JobSpec
from hpcsched.controller.ledger import Ledger
from hpcsched.model.job import JobState, Reason
from hpcsched.model.reservation import ReservationRequest
from hpcsched.state.events import ControllerStarted
from hpcsched.stores.sqlite import SqliteJournal
from hpcsched.v1 import job_service_pb2 as jobs
from hpcsched.v1 import job_service_pb2_grpc, node_service_pb2_grpc, reservation_service_pb2_grpc
from hpcsched.v1 import node_service_pb2 as nodes
from hpcsched.v1 import reservation_service_pb2 as reservations
from hpcsched.wire.convert import to_message
from tests.integration.daemons import DEADLINE_S, Daemons, daemons, eventually
from tests.integration.test_kill_nine import position, runs, spec_that_counts

FAR = JobSpec(("true",), begin_time=4e9)
LATER = float(int(time.time()) + 86400)
SERVICES = (
    job_service_pb2_grpc.JobServiceStub,
    node_service_pb2_grpc.NodeServiceStub,
    reservation_service_pb2_grpc.ReservationServiceStub,
)


@pytest.fixture
def cluster(tmp_path: Path, no_residue: None) -> Iterator[Daemons]:
    with daemons(tmp_path) as both:
        yield both


def call(cluster: Daemons, method: str, request: Any) -> Any:
    with grpc.insecure_channel(cluster.address) as channel:
        return _method(channel, method)(request, timeout=DEADLINE_S)


def _method(channel: grpc.Channel, name: str) -> Any:
    return next(found for service in SERVICES if (found := getattr(service(channel), name, None)))


def killed_before_the_answer(cluster: Daemons, method: str, request: Any) -> None:
    """It is durable, and the next controller is up."""
    before = position(cluster.folder)
    with grpc.insecure_channel(cluster.address) as channel:
        answer = _method(channel, method).future(request, timeout=DEADLINE_S)
        eventually(lambda: answer.done() or position(cluster.folder) > before, f"{method} is durable", every_s=0.0002)
        assert position(cluster.folder) > before, answer.result()
        cluster.kill("controller")
    cluster.start("controller")
    cluster.wait_for_node_of_any_state()


def reservation(name: str, request_id: str) -> reservations.MakeReservationRequest:
    wanted = to_message(ReservationRequest(name, 3600, nodes=("n1",), start=LATER))
    return reservations.MakeReservationRequest(request_id=request_id, wanted=wanted)


@pytest.mark.system
def test_a_reservation_made_just_before_the_kill_is_the_answer_to_the_retry(cluster: Daemons) -> None:
    request = reservation("works", "make")
    killed_before_the_answer(cluster, "MakeReservation", request)
    made = call(cluster, "MakeReservation", request).reservation
    with cluster.client() as client:
        assert [item.name for item in client.reservations()] == ["works"]
    assert (made.name, list(made.nodes)) == ("works", ["n1"])


@pytest.mark.system
def test_a_late_retry_undoes_nothing_that_others_did_since(cluster: Daemons) -> None:
    with cluster.client() as client:
        held, released, updated = client.submit(FAR), client.submit(FAR), client.submit(FAR)
        client.hold(released)
        client.reserve(ReservationRequest("works", 3600, nodes=("n1",), start=LATER))
    change = jobs.JobChange(nice=5)
    requests = (
        ("HoldJob", jobs.HoldJobRequest(request_id="hold", job_id=held)),
        ("ReleaseJob", jobs.ReleaseJobRequest(request_id="release", job_id=released)),
        ("UpdateJob", jobs.UpdateJobRequest(request_id="update", job_id=updated, change=change)),
        ("DeleteReservation", reservations.DeleteReservationRequest(request_id="delete", name="works")),
        ("DrainNode", nodes.DrainNodeRequest(request_id="drain", name="n1", reason="fan")),
    )
    for method, request in requests[:-1]:
        call(cluster, method, request)
    killed_before_the_answer(cluster, *requests[-1])
    for method, request in requests:
        call(cluster, method, request)
    with cluster.client() as client:
        assert client.node("n1").drain_reason == "fan"
        client.release(held)
        client.hold(released)
        client.cancel(updated)
        client.resume("n1")
        client.reserve(ReservationRequest("works", 600, nodes=("n1",), start=LATER))
        for method, request in requests:
            call(cluster, method, request)
        assert [client.job(number).reason for number in (held, released)] == [Reason.BEGIN_TIME, Reason.JOB_HELD]
        assert client.job(updated).state is JobState.CANCELLED
        assert [item.name for item in client.reservations()] == ["works"]
        assert client.node("n1").drain_reason == ""


def suspend(client: Client, job_id: int) -> None:
    client.suspend(job_id)
    eventually(lambda: client.job(job_id).parts[0].suspended, "it stands still")


def go_on(client: Client, job_id: int) -> None:
    client.resume_job(job_id)
    eventually(lambda: not client.job(job_id).parts[0].suspended, "it goes on")


def leave(client: Client, job_id: int) -> None:
    """As it is."""


@pytest.mark.system
@pytest.mark.parametrize(
    ("method", "kind", "before", "since", "state"),
    [
        ("RequeueJob", jobs.RequeueJobRequest, leave, leave, JobState.RUNNING),
        ("SuspendJob", jobs.SuspendJobRequest, leave, go_on, JobState.RUNNING),
        ("ResumeJob", jobs.ResumeJobRequest, suspend, suspend, JobState.SUSPENDED),
    ],
)
def test_a_running_job_is_changed_once(
    cluster: Daemons,
    method: str,
    kind: Any,
    before: Callable[[Client, int], None],
    since: Callable[[Client, int], None],
    state: JobState,
) -> None:
    (cluster.folder / "count").mkdir()
    times = 2 if method == "RequeueJob" else 1
    with cluster.client() as client:
        job_id = client.submit(spec_that_counts(cluster.folder, 600))
        eventually(lambda: runs(cluster.folder) == 1, "the command runs")
        eventually(lambda: client.job(job_id).state is JobState.RUNNING, "that is known, and there are no more news")
        before(client, job_id)
    request = kind(request_id="mine", job_id=job_id)
    killed_before_the_answer(cluster, method, request)
    with cluster.client() as client:
        eventually(lambda: runs(cluster.folder) == times and client.job(job_id).parts != (None,), "the command runs")
        eventually(lambda: client.node("n1").connected, "the agent is back")
        since(client, job_id)
        eventually(lambda: client.job(job_id).state is state, f"it is {state}")
        call(cluster, method, request)
        job = client.job(job_id)
        assert (job.state, job.restarts, runs(cluster.folder)) == (state, times - 1, times)


def test_a_controller_whose_clock_is_an_hour_behind_its_journal_does_not_wait_for_it(tmp_path: Path) -> None:
    ahead = time.time() + 3600.0
    (tmp_path / "controller").mkdir()
    ledger = Ledger(SqliteJournal(tmp_path / "controller"), 1000)
    ledger.open()
    ledger.commit([ControllerStarted(ahead)], [])
    ledger.close(None)
    both = Daemons(tmp_path)
    both.start("controller")
    try:
        both.wait_for_answer()
        with both.client() as client:
            job_id = client.submit(JobSpec(("true",), begin_time=ahead + 2.0))
            assert client.job(job_id).reason is Reason.BEGIN_TIME
            eventually(lambda: client.job(job_id).reason is not Reason.BEGIN_TIME, "its time has come", every_s=0.1)
    finally:
        both.stop()
    assert both.logs().count("s behind the journal: time goes on from there") == 1
