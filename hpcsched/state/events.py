"""What happened; the journal keeps these. `time` is in Unix seconds.

What was written once must stay readable: only add fields, and with a default.
"""

from __future__ import annotations

from dataclasses import dataclass

from hpcsched.model.allocation import Allocation
from hpcsched.model.container import ContainerStatus
from hpcsched.model.job import JobSpec
from hpcsched.model.node import NodeOffer


@dataclass(frozen=True, slots=True)
class ControllerStarted:
    """No agent is connected yet."""

    time: float


@dataclass(frozen=True, slots=True)
class SubmittedJob:
    job_id: int
    spec: JobSpec


@dataclass(frozen=True, slots=True)
class JobsSubmitted:
    """All jobs of one call, by rising id."""

    time: float
    request_id: str
    jobs: tuple[SubmittedJob, ...]


@dataclass(frozen=True, slots=True)
class CancelRequested:
    time: float
    job_id: int


@dataclass(frozen=True, slots=True)
class JobHeld:
    time: float
    job_id: int


@dataclass(frozen=True, slots=True)
class JobReleased:
    time: float
    job_id: int


@dataclass(frozen=True, slots=True)
class AllocationGranted:
    time: float
    job_id: int
    allocation: Allocation


@dataclass(frozen=True, slots=True)
class ContainerReported:
    """A job's container on that node came to RUNNING or EXITED."""

    time: float
    node: str
    status: ContainerStatus


@dataclass(frozen=True, slots=True)
class ContainerGone:
    """Nothing of an ended job's container is left on that node."""

    time: float
    node: str
    job_id: int


@dataclass(frozen=True, slots=True)
class NodeRegistered:
    """Its agent connected."""

    time: float
    offer: NodeOffer


@dataclass(frozen=True, slots=True)
class NodeDisconnected:
    """Its agent's stream ended; its containers are thought to go on."""

    time: float
    name: str


@dataclass(frozen=True, slots=True)
class NodeLost:
    """Its agent is gone for good; what ran there is lost."""

    time: float
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class NodeDrained:
    """It gets no new job."""

    time: float
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class NodeResumed:
    time: float
    name: str


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
)
