"""What happened; the journal keeps these. `time` is in Unix seconds.

What was written once must stay readable: only add fields, and with a default.
"""

from __future__ import annotations

from hpcsched.model.allocation import Allocation, Binding
from hpcsched.model.canary import Median
from hpcsched.model.certificate import Certified
from hpcsched.model.container import ContainerStatus, WorkStatus
from hpcsched.model.job import JobSpec, JobState, Reason
from hpcsched.model.node import NodeOffer
from hpcsched.model.noun import noun
from hpcsched.model.reservation import Reservation
from hpcsched.model.site import PreemptMode


@noun(frozen=True, slots=True)
class ControllerStarted:
    """No agent is connected yet."""

    time: float


@noun(frozen=True, slots=True)
class SubmittedJob:
    """`barred`: of an array, a bit for each position that never runs, for its counterpart in an ended array did not end well."""

    job_id: int
    spec: JobSpec
    barred: bytes = b""


@noun(frozen=True, slots=True)
class JobsSubmitted:
    """All jobs of one call, by rising id."""

    time: float
    request_id: str
    jobs: tuple[SubmittedJob, ...]


@noun(frozen=True, slots=True)
class CancelRequested:
    time: float
    job_id: int


@noun(frozen=True, slots=True)
class JobHeld:
    time: float
    job_id: int


@noun(frozen=True, slots=True)
class JobReleased:
    time: float
    job_id: int


@noun(frozen=True, slots=True)
class AllocationGranted:
    """`why`: these nodes, a sentence."""

    time: float
    job_id: int
    allocation: Allocation
    why: str = ""


@noun(frozen=True, slots=True)
class ContainerReported:
    """A job's container on that node came to RUNNING or EXITED. `also`: nodes on which it EXITED in just the same way. `gone`:
    and nothing of it is left on these nodes.
    """

    time: float
    node: str
    status: ContainerStatus
    also: tuple[str, ...] = ()
    gone: bool = False


@noun(frozen=True, slots=True)
class ContainerGone:
    """Nothing of an ended job's container is left on that node, and on those of `also`."""

    time: float
    node: str
    job_id: int
    also: tuple[str, ...] = ()


@noun(frozen=True, slots=True)
class NodeRegistered:
    """Its agent connected."""

    time: float
    offer: NodeOffer


@noun(frozen=True, slots=True)
class NodeDisconnected:
    """Its agent's stream ended; its containers are thought to go on."""

    time: float
    name: str


@noun(frozen=True, slots=True)
class NodeLost:
    """Its agent is gone for good; what ran there is lost."""

    time: float
    name: str
    reason: str


@noun(frozen=True, slots=True)
class NodeDrained:
    """It gets no new job."""

    time: float
    name: str
    reason: str


@noun(frozen=True, slots=True)
class NodeResumed:
    time: float
    name: str


@noun(frozen=True, slots=True)
class NodeCertified:
    """A certificate was signed for it."""

    time: float
    name: str
    certified: Certified


@noun(frozen=True, slots=True)
class CertificateRevoked:
    time: float
    name: str
    id: str


@noun(frozen=True, slots=True)
class NodeMeasured:
    """Its canaries' medians are these now; none: they are not known any more."""

    time: float
    name: str
    medians: tuple[Median, ...]


@noun(frozen=True, slots=True)
class WorkerGranted:
    """A new worker `worker_id` owns the node of `allocation`; its container has those slots for tasks of job `job_id`."""

    time: float
    worker_id: int
    job_id: int
    allocation: Allocation
    slots: tuple[Binding, ...]


@noun(frozen=True, slots=True)
class SlotGranted:
    """A small job gets a slot in a worker that there is."""

    time: float
    job_id: int
    worker_id: int
    allocation: Allocation


@noun(frozen=True, slots=True)
class WorkAssigned:
    """Tasks of an array, half-open ranges of positions, are given to a worker."""

    time: float
    worker_id: int
    job_id: int
    ranges: tuple[tuple[int, int], ...]


@noun(frozen=True, slots=True)
class TasksCancelled:
    """Of those tasks of an array, what has not ended never runs, or is ended where it runs. `late`: for its deadline."""

    time: float
    job_id: int
    ranges: tuple[tuple[int, int], ...]
    late: bool = False


@noun(frozen=True, slots=True)
class WorkReported:
    """Tasks in a worker's container ended, or the first one started."""

    time: float
    node: str
    worker_id: int
    status: WorkStatus


@noun(frozen=True, slots=True)
class WorkerDismissed:
    """It gets no more work."""

    time: float
    worker_id: int


@noun(frozen=True, slots=True)
class JobRequeued:
    """It gives up its nodes and waits again."""

    time: float
    job_id: int
    why: str


@noun(frozen=True, slots=True)
class JobSuspended:
    time: float
    job_id: int


@noun(frozen=True, slots=True)
class JobResumed:
    time: float
    job_id: int


@noun(frozen=True, slots=True)
class JobModified:
    """It has another spec from now on; of a running job only the time limit differs. `barred`: as of a job submitted so."""

    time: float
    job_id: int
    spec: JobSpec
    barred: bytes = b""


@noun(frozen=True, slots=True)
class JobPreempted:
    time: float
    job_id: int
    by: int
    mode: PreemptMode
    grace_s: int = 0


@noun(frozen=True, slots=True)
class JobDropped:
    """A pending job that can never start ends in that state."""

    time: float
    job_id: int
    state: JobState
    reason: Reason
    message: str


@noun(frozen=True, slots=True)
class ReservationMade:
    """Or another one of that name instead."""

    time: float
    reservation: Reservation


@noun(frozen=True, slots=True)
class ReservationDeleted:
    time: float
    name: str


@noun(frozen=True, slots=True)
class ClockStepped:
    """The clock was set forward by so many seconds, which did not pass; `time` is after it."""

    time: float
    by_s: float


@noun(frozen=True, slots=True)
class RequestServed:
    """What came before it in the same transaction is what that request changed, if anything."""

    time: float
    request_id: str


Event = (
    ControllerStarted
    | JobsSubmitted
    | CancelRequested
    | JobHeld
    | JobReleased
    | AllocationGranted
    | ContainerReported
    | ContainerGone
    | NodeRegistered
    | NodeDisconnected
    | NodeLost
    | NodeDrained
    | NodeResumed
    | NodeCertified
    | CertificateRevoked
    | NodeMeasured
    | WorkerGranted
    | SlotGranted
    | WorkAssigned
    | TasksCancelled
    | WorkReported
    | WorkerDismissed
    | JobRequeued
    | JobSuspended
    | JobResumed
    | JobModified
    | JobPreempted
    | JobDropped
    | ReservationMade
    | ReservationDeleted
    | ClockStepped
    | RequestServed
)
