"""How nodes go from a job to the one that preempts it, and back."""

from __future__ import annotations

from dataclasses import replace

from hpcsched.model.container import EndCause
from hpcsched.model.job import Job, JobState
from hpcsched.model.node import Node
from hpcsched.model.site import PreemptMode
from hpcsched.state.commands import Command, Replan, SyncNode
from hpcsched.state.tables import Tables
from hpcsched.state.transitions import JobStep

_GIVEN = "given up for it by "
MOST_NAMED = 8


def can_give(job: Job, mode: PreemptMode) -> bool:
    """It has nodes of its own, and nothing has ended it yet."""
    states = (JobState.RUNNING,) if mode is PreemptMode.SUSPEND else (JobState.RUNNING, JobState.CONFIGURING)
    asked = job.cancel_requested or job.preempt_mode is not None
    return mode is not PreemptMode.OFF and job.state in states and not asked and job.worker is None and not job.is_worker


def taken_how(tables: Tables, job: Job) -> PreemptMode:
    """How others may take its nodes; OFF: nobody may."""
    its = next((qos for qos in tables.site.qos if qos.name == job.spec.qos), None)
    taken = its is not None and any(its.name in qos.preempt for qos in tables.site.qos)
    return its.preempt_mode if its and taken else PreemptMode.OFF


def must_end(job: Job) -> bool:
    """It has been told to end, by its user or for another job."""
    return job.cancel_requested or job.preempt_mode in (PreemptMode.CANCEL, PreemptMode.REQUEUE)


def gave_up(job: Job) -> JobStep | None:
    """How a job ends that was told to give its nodes up; None: it ended by itself before that, or was cancelled."""
    if job.cause is not EndCause.CANCELLED or job.cancel_requested or not must_end(job):
        return None
    return JobStep.REQUEUED if job.preempt_mode is PreemptMode.REQUEUE else JobStep.PREEMPTED


def given_by(told: str, victim: int) -> str:
    """What is told of a waiting job for which one more gives its nodes up."""
    if not told.startswith(_GIVEN):
        return f"{_GIVEN}job {victim}"
    if told.count(",") < MOST_NAMED - 1:
        return f"{told}, job {victim}"
    return told if told.endswith("others") else f"{told} and others"


def why_these(job: Job, why: str) -> str:
    """Why it gets its nodes, with those that gave them up."""
    return f"{why}; {job.message}" if job.message.startswith(_GIVEN) else why


def waits_frozen(job: Job) -> bool:
    """Its nodes are, or are about to be, another job's."""
    return job.state is JobState.SUSPENDED and job.preempt_mode is PreemptMode.SUSPEND


def hand_over(tables: Tables, job: Job, index: int) -> list[Command]:
    """A part of a job that gives its nodes up frozen has been seen frozen: its node is free for the other."""
    assert job.allocation is not None
    node, part = tables.nodes[job.allocation.nodes[index]], job.parts[index]
    if not waits_frozen(job) or node.job_id != job.id or part is None or not part.suspended:
        return []
    tables.put_node(replace(node, job_id=None, suspended=(*node.suspended, job.id)))
    return [Replan()]


def may_go_on(tables: Tables, job: Job) -> bool:
    """Each node of its living parts is its own, or free and its turn."""
    return waits_frozen(job) and all(_is_next(node, job.id) for node in _nodes(tables, job))


def take_back(tables: Tables, job: Job, time: float) -> tuple[Job, list[Command]]:
    """The job, with its nodes its own again."""
    told: list[Command] = []
    for node in _nodes(tables, job):
        left = tuple(number for number in node.suspended if number != job.id)
        tables.put_node(replace(node, job_id=job.id, suspended=left, since=time))
        told.append(SyncNode(node.name))
    return replace(job, preempt_mode=None, preempt_grace_s=0), told


def _is_next(node: Node, job_id: int) -> bool:
    return node.job_id == job_id or (not node.busy and node.suspended[-1:] == (job_id,))


def _nodes(tables: Tables, job: Job) -> list[Node]:
    names = job.allocation.nodes if job.allocation else ()
    nodes = [tables.nodes[name] for name in names]
    return [node for node in nodes if node.job_id == job.id or job.id in node.suspended]
