"""What a policy sees, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpcsched.model.allocation import Allocation
from hpcsched.model.job import Job, Reason
from hpcsched.model.node import Node


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`pending`: jobs that may start (held ones left out), highest priority first, then in the order of arrival.

    `nodes` by name; `running` have an allocation; `now` in Unix seconds.
    """

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
    """Why a job does not start now; `message` is a sentence for people. Many jobs may share one."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Each pending job of the snapshot is in `starts` or in `waits` (by job id), or waits for what `others` says."""

    starts: tuple[Start, ...] = ()
    waits: Mapping[int, Wait] = field(default_factory=dict)
    others: Wait | None = None

    def wait(self, job_id: int) -> Wait | None:
        """Why that job of the snapshot waits; None when the plan does not say. Of a job that starts or is held, do not ask."""
        return self.waits.get(job_id, self.others)
