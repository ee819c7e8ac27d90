"""What a policy sees, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsched.model.allocation import Allocation
from hpcsched.model.job import Job, Reason
from hpcsched.model.node import Node


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`pending` in the order of arrival; `running` have an allocation; `now` in Unix seconds."""

    now: float
    nodes: tuple[Node, ...]
    pending: tuple[Job, ...]
    running: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Start:
    job_id: int
    allocation: Allocation


@dataclass(frozen=True, slots=True)
class Wait:
    """`message` is a sentence for `hpcsched explain`."""

    job_id: int
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Each pending job of the snapshot is in exactly one of the two."""

    starts: tuple[Start, ...] = ()
    waits: tuple[Wait, ...] = ()
