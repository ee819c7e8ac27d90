"""Intents to events, or a refusal; nothing here changes the state. `now` is in Unix seconds.

Each answers with no event when what is wanted is so already, so doing it twice is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hpcsched.errors import InvalidValue, NotFound, QueueFull
from hpcsched.model.array import parse_array, translated
from hpcsched.model.job import Job, JobSpec, JobState
from hpcsched.model.node import Node
from hpcsched.model.ranges import count
from hpcsched.model.snapshot import Plan
from hpcsched.sched.check import check_specs
from hpcsched.state.changing import require_deadline
from hpcsched.state.depending import Ended, barred, settled
from hpcsched.state.events import (
    CancelRequested,
    Event,
    JobHeld,
    JobReleased,
    JobsSubmitted,
    NodeDrained,
    NodeLost,
    NodeResumed,
    SubmittedJob,
    TasksCancelled,
)
from hpcsched.state.feasible import require_all_feasible
from hpcsched.state.granting import granted
from hpcsched.state.preempting import preempted
from hpcsched.state.reports import MAX_REASON
from hpcsched.state.reports import report as report
from hpcsched.state.settling import settle_all
from hpcsched.state.specs import spec_bytes
from hpcsched.state.state import State

MAX_SPEC_BYTES = 2 << 30
"""What the scripts, commands and environments of all live jobs may take of the controller's memory."""
_NONE: Ended = {}


def submit(
    state: State, request_id: str, specs: Sequence[JobSpec], now: float, max_pending: int, ended: Ended = _NONE
) -> JobsSubmitted:
    """The caller has looked for jobs that this request made before. `ended`: jobs that the specs depend on and that live no more.

    Raises InvalidValue, Infeasible, NotFound, QueueFull, LookAgain.
    """
    check_specs(specs)
    if any(spec.canary for spec in specs):
        raise InvalidValue("canaries are the controller's own: submit a job without `canary`")
    specs = settle_all(state, specs)
    never = [barred(state, spec, ended) if spec.dependency else b"" for spec in specs]
    specs = [settled(state, spec, ended) if spec.dependency else spec for spec in specs]
    waiting = state.pending_count
    if waiting + len(specs) > max_pending:
        raise QueueFull(f"{waiting} jobs wait already and at most {max_pending} may: try again when some have started")
    room = MAX_SPEC_BYTES - state.spec_bytes
    if sum(map(spec_bytes, specs)) > room:
        raise QueueFull(
            f"the scripts and environments of waiting jobs take {MAX_SPEC_BYTES >> 20} MiB already: put them in files"
        )
    require_all_feasible(state, specs)
    for spec in specs:
        require_deadline(spec, now)
    first = state.next_job_id
    jobs = tuple(SubmittedJob(first + at, spec, bits) for at, (spec, bits) in enumerate(zip(specs, never, strict=True)))
    return JobsSubmitted(now, request_id, jobs)


def cancel(state: State, job_id: int, now: float) -> list[CancelRequested]:
    """Raises NotFound."""
    return [] if _job(state, job_id).cancel_requested else [CancelRequested(now, job_id)]


def cancel_tasks(state: State, job_id: int, tasks: str, now: float) -> list[TasksCancelled]:
    """Those of an array with these ids, as `3-5,9`. Raises NotFound, InvalidValue."""
    job = _job(state, job_id)
    if job.array is None:
        raise InvalidValue(f"job {job_id} is no array: it has no task {tasks[:60]}; `hpcsched cancel {job_id}` cancels it")
    asked, known = parse_array(tasks), parse_array(job.spec.array)
    found = translated(((0, len(asked)),), asked, known)
    if asked.throttle or count(found) < len(asked):
        raise InvalidValue(f"job {job_id} has no such tasks {tasks[:60]}: its ids are {known.shown}")
    return [] if job.cancel_requested else [TasksCancelled(now, job_id, found)]


def hold(state: State, job_id: int, now: float) -> list[JobHeld]:
    """Only a pending job can be held. Raises NotFound, InvalidValue."""
    job = _job(state, job_id)
    if job.state is not JobState.PENDING and job.array is None:
        raise InvalidValue(f"job {job_id} is {job.state}: only a pending job can be held")
    return [] if job.held else [JobHeld(now, job_id)]


def release(state: State, job_id: int, now: float) -> list[JobReleased]:
    """Raises NotFound."""
    return [JobReleased(now, job_id)] if _job(state, job_id).held else []


def drain(state: State, name: str, reason: str, now: float) -> list[NodeDrained]:
    """Raises NotFound, InvalidValue when the reason is empty, long or not one line."""
    node = _node(state, name)
    if not 0 < len(reason.strip()) <= MAX_REASON or not reason.isprintable():
        raise InvalidValue(f"say in one line of at most {MAX_REASON} characters why node {name} is drained (--reason)")
    return [] if node.drain_reason == reason else [NodeDrained(now, name, reason)]


def resume(state: State, name: str, now: float) -> list[NodeResumed]:
    """Raises NotFound."""
    return [NodeResumed(now, name)] if _node(state, name).drain_reason else []


def allocate(state: State, plan: Plan, now: float) -> list[Event]:
    """The starts of a verified plan that still hold, and the workers that it lets go."""
    return [*granted(state, plan, now), *preempted(state, plan, now)]


def expire(state: State, disconnected_since: Mapping[str, float], now: float, timeout_s: float) -> list[NodeLost]:
    """Nodes without their agent for longer than that. A node that `disconnected_since` does not name is given more time."""
    return [
        NodeLost(now, name, f"node {name} had no agent for {timeout_s:g} s")
        for name, node in state.nodes.items()
        if not node.connected and not node.down and now - disconnected_since.get(name, now) >= timeout_s
    ]


def _job(state: State, job_id: int) -> Job:
    job = state.jobs.get(job_id)
    if job is None:
        raise NotFound(f"there is no live job {job_id}; `hpcsched jobs --all` lists those that ended")
    return job


def _node(state: State, name: str) -> Node:
    node = state.nodes.get(name)
    if node is None:
        raise NotFound(f"there is no node {name!r}; `hpcsched nodes` lists those that are known")
    return node
