"""A job's parts, one on each node: how their starts and ends become the job's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hpcsched.model.container import ContainerStatus, EndCause, Phase
from hpcsched.model.job import Job, JobState, changed_job
from hpcsched.model.node import Node
from hpcsched.model.site import PreemptMode
from hpcsched.state.commands import Command, JobChanged, Replan, SyncNode
from hpcsched.state.ending import between, finish, wait_again
from hpcsched.state.preemption import gave_up, hand_over, must_end, taken_how
from hpcsched.state.tables import Tables
from hpcsched.state.task_ends import abandon, as_released
from hpcsched.state.transitions import JobStep, NodeStep, changed_node, changed_nodes, end_step, next_state
from hpcsched.state.usage import charge

Parts = tuple[ContainerStatus | None, ...]
_NEVER_RAN = frozenset({EndCause.LOST, EndCause.LAUNCH_FAILED, EndCause.BINDING_MISMATCH, EndCause.STOPPED})


def part_index(job: Job, node: str) -> int | None:
    """Where that node is in the job's allocation."""
    names = job.allocation.nodes if job.allocation else ()
    return names.index(node) if node in names else None


def ended(part: ContainerStatus | None) -> bool:
    return part is not None and part.phase is Phase.EXITED


def unfinished(job: Job) -> tuple[str, ...]:
    """Nodes whose part of the job has not ended."""
    if _all_ended(job.parts):
        return ()
    names = job.allocation.nodes if job.allocation else ()
    return tuple(name for name, part in zip(names, job.parts, strict=True) if not ended(part))


def _all_ended(parts: Parts) -> bool:
    return not [part for part in parts if part is None or part.phase is not Phase.EXITED]


def all_run(job: Job) -> bool:
    """Every part has been reported running and none has ended."""
    return bool(job.parts) and all(part is not None and part.phase is Phase.RUNNING for part in job.parts)


def runs_everywhere(job: Job) -> bool:
    """Its command runs on all of its nodes, as tasks, and not on the first alone."""
    return job.allocation is not None and any(part.binding.tasks for part in job.allocation.bindings)


def run_part(tables: Tables, job: Job, index: int, status: ContainerStatus, time: float) -> list[Command]:
    """One part runs; the job does when all of them do."""
    job = changed_job(job, parts=_parts(job, (index,), status))
    state = next_state(job, JobStep.STARTED)
    if state is None or not all_run(job):
        tables.put_job(job)
        return hand_over(tables, job, index)
    began = max(part.start_time for part in job.parts if part)
    tables.put_job(replace(job, state=state, start_time=between(job.submit_time, began, time)))
    told = unfinished(job)[: len(job.parts) if runs_everywhere(job) else 1]
    can_be_frozen = [Replan()] if taken_how(tables, job) is PreemptMode.SUSPEND else []
    return [*(SyncNode(name) for name in told if len(job.parts) > 1), JobChanged(job.id), *can_be_frozen]


def end_part(tables: Tables, job: Job, index: int, status: ContainerStatus, time: float) -> list[Command]:
    return end_parts(tables, job, (index,), status, time)


def end_parts(
    tables: Tables, job: Job, indexes: Sequence[int], status: ContainerStatus, time: float, gone: bool = False
) -> list[Command]:
    """Parts ended, all in this way: nodes are released; the first end that counts decides how the job ends, once all have ended.

    Of tasks on several nodes, the parts that are done do not count but for the last. `gone`: nothing of them is left.
    """
    status = as_released(job, status)
    parts = _parts(job, indexes, status)
    job = changed_job(job, parts=parts, **_cause(job, parts, indexes[0], status, time))
    commands = _release(tables, job, indexes, time, gone)
    if not unfinished(job):
        commands += abandon(tables, job, status, time)
        return commands + finish(tables, job, gave_up(job) or end_step(job.cause or EndCause.LOST, job.exit_code), time)
    state = next_state(job, JobStep.ENDING) if job.cause else None
    tables.put_job(replace(job, state=state) if state else job)
    if state:
        commands += [*(SyncNode(name) for name in unfinished(job)), JobChanged(job.id)]
    return commands


def lose_part(tables: Tables, node: str, why: str, time: float) -> list[Command]:
    """What ran on that node will never be heard of again."""
    known = tables.nodes[node]
    there = [number for number in (known.job_id, *known.suspended) if number is not None]
    return [command for job_id in there for command in _lose(tables, job_id, node, why, time)]


def _lose(tables: Tables, job_id: int, node: str, why: str, time: float) -> list[Command]:
    job = tables.jobs.get(job_id)
    index = part_index(job, node) if job else None
    if job is None or index is None or ended(job.parts[index]):
        return []
    known = job.parts[index] or ContainerStatus(job.id, Phase.EXITED)
    return end_part(tables, job, index, lost(known, why, time), time)


def lost(known: ContainerStatus, why: str, time: float) -> ContainerStatus:
    """The last status of a container that is gone without a word."""
    return replace(known, phase=Phase.EXITED, cause=EndCause.LOST, exit_code=None, signal=None, message=why, end_time=time)


def give_up(tables: Tables, job: Job, why: str, time: float) -> list[Command]:
    """The job leaves all its nodes at once and waits again."""
    left = [index for index, part in enumerate(job.parts) if not ended(part)]
    return _release(tables, job, left, time) + wait_again(tables, job, why)


def _parts(job: Job, indexes: Sequence[int], status: ContainerStatus) -> Parts:
    """The job's, when those are as the status says."""
    parts = list(job.parts)
    for index in indexes:
        known = parts[index]
        parts[index] = replace(status, observed=known.observed) if known and status.observed is None else status
    return tuple(parts)


def _cause(job: Job, parts: Parts, index: int, status: ContainerStatus, time: float) -> dict[str, Any]:
    """The fields of the job that tell how it ends; none where that is known, or not known yet."""
    cause = status.cause or EndCause.LOST
    if job.cause or (_is_done(status) and job.state is JobState.RUNNING and runs_everywhere(job) and not _all_ended(parts)):
        return {}
    if must_end(job) and job.state is JobState.CONFIGURING and cause in _NEVER_RAN:
        cause = EndCause.CANCELLED
    start = job.start_time
    if not start and status.start_time and len(job.parts) == 1 and cause not in _NEVER_RAN:
        start = between(job.submit_time, status.start_time, time)
    return {
        "cause": cause,
        "exit_code": status.exit_code,
        "signal": status.signal,
        "message": _told_by(job, index, status.message) or (job.message if must_end(job) else ""),
        "start_time": start,
    }


def _is_done(status: ContainerStatus) -> bool:
    return status.cause is EndCause.EXIT and status.exit_code == 0


def _told_by(job: Job, index: int, message: str) -> str:
    assert job.allocation is not None
    return f"{job.allocation.nodes[index]}: {message}" if index and message else message


def _release(tables: Tables, job: Job, indexes: Sequence[int], time: float, gone: bool = False) -> list[Command]:
    assert job.allocation is not None
    all_ = job.allocation.nodes
    charge(tables, job, time, len(indexes))
    names = [all_[index] for index in indexes]
    nodes = [tables.nodes[name] for name in names]
    if not [node for node in nodes if node.job_id != job.id or node.cleaning or node.suspended]:
        tables.put_nodes(changed_nodes(nodes, NodeStep.RELEASED, time, cleaning=() if gone else (job.id,)))
    else:
        tables.put_nodes([_released(node, job.id, time, gone) for node in nodes])
    return list(map(SyncNode, names))


def _released(node: Node, job_id: int, time: float, gone: bool) -> Node:
    """One that may be another job's already, or on which something else may be left or frozen."""
    owner = None if node.job_id == job_id else node.job_id
    frozen = tuple([number for number in node.suspended if number != job_id])
    left = node.cleaning if gone else (*node.cleaning, job_id)
    return changed_node(node, NodeStep.RELEASED, time, job_id=owner, cleaning=left, suspended=frozen)
