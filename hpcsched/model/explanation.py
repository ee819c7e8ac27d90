"""Why a job stands where it stands, and when it will start. Times in Unix seconds."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsched.model.job import JobState, Reason


@dataclass(frozen=True, slots=True)
class Blocker:
    """One thing that keeps a job from starting now."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Ahead:
    """A waiting job that comes before it; `reason`: what keeps that one."""

    job_id: int
    name: str
    user: str
    nodes: int
    time_limit_s: int
    priority: float
    reason: Reason = Reason.NONE


@dataclass(frozen=True, slots=True)
class Factor:
    """A summand of a job's priority: `weight` times `factor` (0..1)."""

    name: str
    factor: float
    weight: float
    product: float


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """Nodes of which the same is true for this job; `nodes`: names of the first ones. `usable`: it may start there now."""

    what: str
    count: int
    nodes: tuple[str, ...]
    usable: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """Options of `hpcsched submit` with which it would start earlier: at `start`."""

    options: str
    start: float


@dataclass(frozen=True, slots=True)
class Planned:
    """A job in the replayed plan. `end` 0: not known. `running`: it has its nodes already.

    `tasks`: of an array, which others may interrupt; 0: no array. `gives_way`: at `end` it gives its nodes up for another.
    """

    job_id: int
    name: str
    user: str
    nodes: int
    start: float
    end: float
    running: bool = False
    tasks: int = 0
    gives_way: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """`job_id` 0: a job that was not submitted. `earliest`, `latest`: it is expected to start between them, 0: not known;
    by two replays: jobs run `fraction` of their limits, as history shows, or to their limits.

    `position`: 1 is the first of those that may start. `ahead`: the first ones of those before it. `end_by`: of a running job.
    `notes`: what was not looked at.
    """

    job_id: int
    state: JobState
    summary: str
    blockers: tuple[Blocker, ...] = ()
    position: int = 0
    waiting: int = 0
    ahead: tuple[Ahead, ...] = ()
    priority: float = 0.0
    factors: tuple[Factor, ...] = ()
    node_groups: tuple[NodeGroup, ...] = ()
    earliest: float = 0.0
    latest: float = 0.0
    after: float = 0.0
    """It starts later than that, which is how far was looked; 0: all was looked at."""
    fraction: float = 1.0
    changes: tuple[Change, ...] = ()
    timeline: tuple[Planned, ...] = ()
    end_by: float = 0.0
    notes: tuple[str, ...] = ()
