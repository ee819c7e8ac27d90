"""Typed calls on a controller: nouns in, nouns out, errors of one tree."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from hpcsched.client.channel import call, default_address, open_channel, raising
from hpcsched.client.exec import ExecSession, begin
from hpcsched.errors import InvalidValue
from hpcsched.model.canary import NodeCanaries
from hpcsched.model.certificate import Certified
from hpcsched.model.certificate_use import ListedCertificate
from hpcsched.model.change import JobChange
from hpcsched.model.explanation import Explanation
from hpcsched.model.job import Job, JobSpec
from hpcsched.model.node import Node
from hpcsched.model.record import Record
from hpcsched.model.reservation import Reservation, ReservationRequest
from hpcsched.model.site_use import PartitionUse, QosUse, Share
from hpcsched.v1 import (
    accounting_service_pb2,
    accounting_service_pb2_grpc,
    certificate_service_pb2,
    certificate_service_pb2_grpc,
    job_service_pb2,
    job_service_pb2_grpc,
    node_service_pb2,
    node_service_pb2_grpc,
    reservation_service_pb2,
    reservation_service_pb2_grpc,
    site_service_pb2,
    site_service_pb2_grpc,
)
from hpcsched.wire.convert import from_message, to_message


class Client:
    """A connection to one controller; safe to use from several threads.

    `timeout_s` bounds every call that does not wait for a job. All methods raise HpcschedError: Unreachable, NotFound…

    >>> with Client() as client:
    ...     job = client.wait(client.submit(JobSpec(command=("hostname",))))
    """

    def __init__(self, address: str | None = None, timeout_s: float = 30.0) -> None:
        self.address = address or default_address()
        self.timeout_s = timeout_s
        self._channel = open_channel(self.address)
        self._jobs: Any = job_service_pb2_grpc.JobServiceStub(self._channel)
        self._nodes: Any = node_service_pb2_grpc.NodeServiceStub(self._channel)
        self._reservations: Any = reservation_service_pb2_grpc.ReservationServiceStub(self._channel)
        self._site: Any = site_service_pb2_grpc.SiteServiceStub(self._channel)
        self._certificates: Any = certificate_service_pb2_grpc.CertificateServiceStub(self._channel)
        self._accounting: Any = accounting_service_pb2_grpc.AccountingServiceStub(self._channel)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._channel.close()

    def submit(self, spec: JobSpec, request_id: str | None = None) -> int:
        """The id of the job, which is durable by then. The same `request_id` again gives the same job."""
        request = job_service_pb2.SubmitJobRequest(request_id=request_id or _new_id(), spec=_message(spec))
        return int(self._call(self._jobs.SubmitJob, request).job_id)

    def submit_many(self, specs: Sequence[JobSpec], request_id: str | None = None) -> list[int]:
        """All of them (at most 10,000) or none."""
        messages = [_message(spec) for spec in specs]
        request = job_service_pb2.SubmitJobsRequest(request_id=request_id or _new_id(), specs=messages)
        return list(self._call(self._jobs.SubmitJobs, request).job_ids)

    def job(self, job_id: int) -> Job:
        """A live or an ended job."""
        return from_message(Job, self._call(self._jobs.GetJob, job_service_pb2.GetJobRequest(job_id=job_id)).job)

    def jobs(self, include_ended: bool = False, limit: int = 1000, include_workers: bool = False) -> list[Job]:
        """Newest first. Workers: live jobs that nobody submitted, whose containers run tasks of arrays and small jobs."""
        request = job_service_pb2.ListJobsRequest(include_ended=include_ended, limit=limit, include_workers=include_workers)
        return [from_message(Job, job) for job in self._call(self._jobs.ListJobs, request).jobs]

    def explain(self, job: int | JobSpec) -> Explanation:
        """Why a job waits and when it will start, why it got its nodes, or how it ended.

        Of a spec: the same for a job that is only supposed; raises what `submit` would raise.
        """
        request = job_service_pb2.ExplainJobRequest()
        if isinstance(job, JobSpec):
            request.spec.CopyFrom(_message(job))
        else:
            request.job_id = job
        return from_message(Explanation, self._call(self._jobs.ExplainJob, request).explanation)

    def wait(self, job_id: int, timeout_s: float | None = None) -> Job:
        """The job once it has ended. Raises DeadlineExceeded after `timeout_s`."""
        request = job_service_pb2.WaitJobRequest(job_id=job_id)
        return from_message(Job, call(self._jobs.WaitJob, request, timeout_s, self.address).job)

    def granted(self, job_id: int, timeout_s: float | None = None) -> Job:
        """The job once it has nodes (`allocation`) or has ended. Raises DeadlineExceeded after `timeout_s`."""
        request = job_service_pb2.WaitJobRequest(job_id=job_id, granted=True)
        return from_message(Job, call(self._jobs.WaitJob, request, timeout_s, self.address).job)

    def cancel(self, job_id: int, tasks: str = "") -> Job:
        """`tasks`: of an array only those with these ids, as `3-5,9`."""
        request = job_service_pb2.CancelJobRequest(request_id=_new_id(), job_id=job_id, tasks=tasks)
        return from_message(Job, self._call(self._jobs.CancelJob, request).job)

    def hold(self, job_id: int) -> Job:
        return self._change(self._jobs.HoldJob, job_service_pb2.HoldJobRequest, job_id)

    def release(self, job_id: int) -> Job:
        return self._change(self._jobs.ReleaseJob, job_service_pb2.ReleaseJobRequest, job_id)

    def update(self, job_id: int, change: JobChange) -> Job:
        """Other terms; what of `change` is None stays as it is. Of a job that runs only a few can be changed."""
        request = job_service_pb2.UpdateJobRequest(request_id=_new_id(), job_id=job_id, change=_message_of_change(change))
        return from_message(Job, self._call(self._jobs.UpdateJob, request).job)

    def requeue(self, job_id: int) -> Job:
        """It gives up its nodes, is stopped there and waits again."""
        return self._change(self._jobs.RequeueJob, job_service_pb2.RequeueJobRequest, job_id)

    def suspend(self, job_id: int) -> Job:
        """Its processes are frozen; its nodes stay its own."""
        return self._change(self._jobs.SuspendJob, job_service_pb2.SuspendJobRequest, job_id)

    def resume_job(self, job_id: int) -> Job:
        return self._change(self._jobs.ResumeJob, job_service_pb2.ResumeJobRequest, job_id)

    def read_output(
        self, job_id: int, offset: int = 0, follow: bool = False, node: str = "", task: int | None = None
    ) -> Iterator[bytes | Job]:
        """The output in chunks; with `follow` until the job ends. The last item is the job, if it has ended.

        Without `node` that on the job's first node; a job with tasks has one on each of its nodes (`job.allocation.nodes`). Of an
        array that of all its tasks, or of the one with the id `task`.
        """
        request = job_service_pb2.ReadOutputRequest(job_id=job_id, offset=offset, follow=follow, node=node, task_id=task)
        with raising(self.address):
            for response in self._jobs.ReadOutput(request, timeout=None if follow else self.timeout_s):
                if response.data:
                    yield bytes(response.data)
                if response.HasField("job"):
                    yield from_message(Job, response.job)

    def output(self, job_id: int, node: str = "") -> bytes:
        """All that the job has written by now on that node, or on its first."""
        return b"".join(chunk for chunk in self.read_output(job_id, node=node) if isinstance(chunk, bytes))

    def exec_step(
        self,
        job_id: int,
        argv: Sequence[str],
        *,
        workdir: str = "",
        env: Sequence[tuple[str, str]] = (),
        tty: bool = False,
        rows: int = 24,
        columns: int = 80,
        node: str = "",
    ) -> ExecSession:
        """Start a command inside the running job's container on that node, or on its first."""
        window = job_service_pb2.WindowSize(rows=rows, columns=columns) if tty else None
        start = job_service_pb2.ExecStepStart(
            request_id=_new_id(), job_id=job_id, argv=argv, workdir=workdir, tty=tty, window=window, node=node
        )
        for name, value in env:
            start.env.add(name=name, value=value)
        return begin(self._jobs.ExecStep, start, self.address)

    def nodes(self) -> list[Node]:
        response = self._call(self._nodes.ListNodes, node_service_pb2.ListNodesRequest())
        return [from_message(Node, node) for node in response.nodes]

    def node(self, name: str) -> Node:
        return from_message(Node, self._call(self._nodes.GetNode, node_service_pb2.GetNodeRequest(name=name)).node)

    def canaries(self, node: str = "") -> list[NodeCanaries]:
        """Of that node, or of all."""
        request = node_service_pb2.ListCanariesRequest(node=node)
        return [from_message(NodeCanaries, item) for item in self._call(self._nodes.ListCanaries, request).nodes]

    def drain(self, name: str, reason: str) -> Node:
        request = node_service_pb2.DrainNodeRequest(request_id=_new_id(), name=name, reason=reason)
        return from_message(Node, self._call(self._nodes.DrainNode, request).node)

    def resume(self, name: str) -> Node:
        request = node_service_pb2.ResumeNodeRequest(request_id=_new_id(), name=name)
        return from_message(Node, self._call(self._nodes.ResumeNode, request).node)

    def reserve(self, wanted: ReservationRequest) -> Reservation:
        """Set nodes aside. Raises AlreadyExists, Conflict, Infeasible."""
        request = reservation_service_pb2.MakeReservationRequest(request_id=_new_id(), wanted=to_message(wanted))
        return from_message(Reservation, self._call(self._reservations.MakeReservation, request).reservation)

    def reservations(self) -> list[Reservation]:
        """By start; of those that repeat, the present or next time."""
        response = self._call(self._reservations.ListReservations, reservation_service_pb2.ListReservationsRequest())
        return [from_message(Reservation, item) for item in response.reservations]

    def reservation(self, name: str) -> Reservation:
        request = reservation_service_pb2.GetReservationRequest(name=name)
        return from_message(Reservation, self._call(self._reservations.GetReservation, request).reservation)

    def unreserve(self, name: str) -> None:
        """Delete the reservation; jobs that run in it go on."""
        request = reservation_service_pb2.DeleteReservationRequest(request_id=_new_id(), name=name)
        self._call(self._reservations.DeleteReservation, request)

    def partitions(self) -> list[PartitionUse]:
        response = self._call(self._site.ListPartitions, site_service_pb2.ListPartitionsRequest())
        return [from_message(PartitionUse, item) for item in response.partitions]

    def qos(self) -> list[QosUse]:
        response = self._call(self._site.ListQos, site_service_pb2.ListQosRequest())
        return [from_message(QosUse, item) for item in response.qos]

    def shares(self) -> list[Share]:
        """Fair share of accounts and users, each account before what is in it."""
        response = self._call(self._site.ListShares, site_service_pb2.ListSharesRequest())
        return [from_message(Share, item) for item in response.shares]

    def issue_certificate(self, report: bytes) -> bytes:
        """The file of a certificate of what a report of `bench run --json` shows. Raises InvalidValue, Conflict, NotFound."""
        request = certificate_service_pb2.IssueCertificateRequest(request_id=_new_id(), result=report)
        return bytes(self._call(self._certificates.IssueCertificate, request).file)

    def certificates(self, node: str = "") -> list[ListedCertificate]:
        """Of that node, or of all."""
        request = certificate_service_pb2.ListCertificatesRequest(node=node)
        found = self._call(self._certificates.ListCertificates, request).certificates
        return [ListedCertificate(item.node, from_message(Certified, item.certified), item.stale) for item in found]

    def certificate(self, identity: str) -> bytes:
        """Its file."""
        request = certificate_service_pb2.GetCertificateRequest(id=identity)
        return bytes(self._call(self._certificates.GetCertificate, request).file)

    def revoke_certificate(self, identity: str) -> None:
        request = certificate_service_pb2.RevokeCertificateRequest(request_id=_new_id(), id=identity)
        self._call(self._certificates.RevokeCertificate, request)

    def certificate_key(self) -> bytes:
        """The controller's public key, Ed25519."""
        request = certificate_service_pb2.GetCertificateKeyRequest()
        return bytes(self._call(self._certificates.GetCertificateKey, request).key)

    def records(self, limit: int = 1000, before_job_id: int = 0) -> list[Record]:
        """Records of ended jobs, newest first."""
        request = accounting_service_pb2.ListRecordsRequest(limit=limit, before_job_id=before_job_id)
        return [from_message(Record, record) for record in self._call(self._accounting.ListRecords, request).records]

    def _change(self, method: Any, kind: Any, job_id: int) -> Job:
        return from_message(Job, self._call(method, kind(request_id=_new_id(), job_id=job_id)).job)

    def _call(self, method: Any, request: Any) -> Any:
        return call(method, request, self.timeout_s, self.address)


def _new_id() -> str:
    return str(uuid.uuid4())


def _message(spec: JobSpec) -> Any:
    """Says who we are where the caller did not. Raises InvalidValue on what no message can hold."""
    command: Any = spec.command
    if isinstance(command, str):
        raise InvalidValue(f"command {spec.command[:80]!r} is one text: give its words, as ('ls', '-l')")
    try:
        return to_message(spec if spec.user else replace(spec, user=_user()))
    except (ValueError, TypeError) as error:
        raise InvalidValue(f"bad job: {error}") from None


def _message_of_change(change: JobChange) -> Any:
    try:
        return to_message(change)
    except (ValueError, TypeError) as error:
        raise InvalidValue(f"bad change: {error}") from None


def _user() -> str:
    """The login name, or nothing where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
