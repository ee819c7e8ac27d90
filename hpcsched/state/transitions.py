"""What may follow what, as data: the handlers obey these tables and docs/states.md is drawn from them."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

from hpcsched.model.container import EndCause
from hpcsched.model.job import Job, JobState, Reason
from hpcsched.model.node import Node


class JobStep(enum.StrEnum):
    """What can happen to a job, in words for people."""

    GRANTED = "nodes granted"
    STARTED = "all parts run"
    TASK_STARTED = "the first task of the array runs"
    ENDING = "its end is known, other parts still stop"
    DONE = "exit code 0"
    NON_ZERO = "other exit code"
    SIGNALLED = "killed by a signal"
    TIMED_OUT = "over its time limit"
    CANCELLED = "cancelled"
    OUT_OF_MEMORY = "over its memory limit"
    LAUNCH_FAILED = "could not be started"
    MISBOUND = "kernel shows another binding"
    LOST = "its node or container is lost"
    SUSPENDED = "its processes are frozen"
    RESUMED = "goes on"
    REQUEUED = "waits again"
    PREEMPTED = "gave its nodes up for another job"
    TOO_LATE = "could not end by its deadline"
    NEVER = "its dependency can never be satisfied"


_ENDS: Mapping[JobStep, JobState] = {
    JobStep.DONE: JobState.COMPLETED,
    JobStep.NON_ZERO: JobState.FAILED,
    JobStep.SIGNALLED: JobState.FAILED,
    JobStep.TIMED_OUT: JobState.TIMEOUT,
    JobStep.CANCELLED: JobState.CANCELLED,
    JobStep.OUT_OF_MEMORY: JobState.OUT_OF_MEMORY,
    JobStep.LAUNCH_FAILED: JobState.FAILED,
    JobStep.MISBOUND: JobState.FAILED,
    JobStep.LOST: JobState.NODE_FAIL,
    JobStep.PREEMPTED: JobState.PREEMPTED,
    JobStep.TOO_LATE: JobState.DEADLINE,
}

JOB_TABLE: Mapping[tuple[JobState, JobStep], JobState] = {
    (JobState.PENDING, JobStep.GRANTED): JobState.CONFIGURING,
    (JobState.PENDING, JobStep.TASK_STARTED): JobState.RUNNING,
    (JobState.PENDING, JobStep.CANCELLED): JobState.CANCELLED,
    (JobState.PENDING, JobStep.TOO_LATE): JobState.DEADLINE,
    (JobState.PENDING, JobStep.NEVER): JobState.CANCELLED,
    (JobState.RUNNING, JobStep.SUSPENDED): JobState.SUSPENDED,
    (JobState.SUSPENDED, JobStep.RESUMED): JobState.RUNNING,
    (JobState.SUSPENDED, JobStep.ENDING): JobState.COMPLETING,
    (JobState.COMPLETING, JobStep.REQUEUED): JobState.PENDING,
    (JobState.CONFIGURING, JobStep.REQUEUED): JobState.PENDING,
    (JobState.RUNNING, JobStep.REQUEUED): JobState.PENDING,
    (JobState.SUSPENDED, JobStep.REQUEUED): JobState.PENDING,
    (JobState.CONFIGURING, JobStep.STARTED): JobState.RUNNING,
    (JobState.CONFIGURING, JobStep.ENDING): JobState.COMPLETING,
    (JobState.RUNNING, JobStep.ENDING): JobState.COMPLETING,
    **{
        (state, step): end
        for state in (JobState.CONFIGURING, JobState.RUNNING, JobState.SUSPENDED, JobState.COMPLETING)
        for step, end in _ENDS.items()
    },
}
"""A pair that is not here does not happen: the event that would cause it is stale and changes nothing.

CONFIGURING can end directly: an agent reports levels, so a short job may be over before anyone saw it run.
"""

REASONS: Mapping[JobStep, Reason] = {
    JobStep.DONE: Reason.NONE,
    JobStep.NON_ZERO: Reason.NON_ZERO_EXIT,
    JobStep.SIGNALLED: Reason.RAISED_SIGNAL,
    JobStep.TIMED_OUT: Reason.TIME_LIMIT,
    JobStep.CANCELLED: Reason.CANCELLED,
    JobStep.OUT_OF_MEMORY: Reason.OUT_OF_MEMORY,
    JobStep.LAUNCH_FAILED: Reason.LAUNCH_FAILED,
    JobStep.MISBOUND: Reason.BINDING_MISMATCH,
    JobStep.LOST: Reason.NODE_DOWN,
    JobStep.PREEMPTED: Reason.PREEMPTED,
    JobStep.TOO_LATE: Reason.DEADLINE,
    JobStep.NEVER: Reason.DEPENDENCY_NEVER,
}

CAUSES: Mapping[EndCause, JobStep] = {
    EndCause.EXIT: JobStep.NON_ZERO,
    EndCause.SIGNAL: JobStep.SIGNALLED,
    EndCause.TIMEOUT: JobStep.TIMED_OUT,
    EndCause.CANCELLED: JobStep.CANCELLED,
    EndCause.OUT_OF_MEMORY: JobStep.OUT_OF_MEMORY,
    EndCause.LAUNCH_FAILED: JobStep.LAUNCH_FAILED,
    EndCause.BINDING_MISMATCH: JobStep.MISBOUND,
    EndCause.LOST: JobStep.LOST,
    EndCause.STOPPED: JobStep.LOST,
}
"""EXIT with code 0 is DONE. A part that was STOPPED before its job had ended is as good as lost."""


def end_step(cause: EndCause, exit_code: int | None) -> JobStep:
    """How a job ends whose first node ended like that."""
    return JobStep.DONE if cause is EndCause.EXIT and exit_code == 0 else CAUSES[cause]


def next_state(job: Job, step: JobStep) -> JobState | None:
    """None: that cannot happen to this job now."""
    return JOB_TABLE.get((job.state, step))


class NodeStep(enum.StrEnum):
    """What can happen to a node, in words for people."""

    REGISTERED = "agent connects"
    DISCONNECTED = "agent's stream ends"
    LOST = "agent gone for good"
    DRAINED = "drained"
    RESUMED = "resumed"
    GRANTED = "given to a job"
    RELEASED = "its part of the job ends"
    CLEANED = "container gone"


NODE_TABLE: Mapping[NodeStep, Mapping[str, Any]] = {
    NodeStep.REGISTERED: {"connected": True, "down": False},
    NodeStep.DISCONNECTED: {"connected": False},
    NodeStep.LOST: {"connected": False, "down": True},
    NodeStep.DRAINED: {"drain_reason": "for repair"},
    NodeStep.RESUMED: {"drain_reason": ""},
    NodeStep.GRANTED: {"job_id": 1, "canary": False},
    NodeStep.RELEASED: {"job_id": None, "cleaning": (1,)},
    NodeStep.CLEANED: {"cleaning": (), "canary": False},
}
"""The fields of Node that change, from which Node.state follows; the handlers put in the real job ids and reason."""


_AS_BEFORE = object()


def changed_node(node: Node, step: NodeStep, time: float, **values: Any) -> Node:
    """The node after that step; `values` replace the table's examples. Each is made at once, which is several times as fast as
    `dataclasses.replace`.
    """
    new = {**NODE_TABLE[step], **values}
    get = new.get
    return Node(
        get("offer", node.offer),
        get("connected", node.connected),
        get("down", node.down),
        get("drain_reason", node.drain_reason),
        get("job_id", node.job_id),
        get("cleaning", node.cleaning),
        time,
        get("suspended", node.suspended),
        node.certified,
        get("canary", node.canary),
        get("medians", node.medians),
    )


def changed_nodes(nodes: Sequence[Node], step: NodeStep, time: float, **values: Any) -> list[Node]:
    """All of these nodes after a step of their job, with the same values: a wide job changes thousands at once."""
    new = {**NODE_TABLE[step], **values}
    owner, left = new.pop("job_id", _AS_BEFORE), new.pop("cleaning", _AS_BEFORE)
    canary = new.pop("canary", _AS_BEFORE)
    assert not new
    return [
        Node(
            node.offer,
            node.connected,
            node.down,
            node.drain_reason,
            node.job_id if owner is _AS_BEFORE else owner,
            node.cleaning if left is _AS_BEFORE else left,
            time,
            node.suspended,
            node.certified,
            node.canary if canary is _AS_BEFORE else canary,
            node.medians,
        )
        for node in nodes
    ]
