"""What `hpcsched job` says about a job's place in the queue; what was not asked for has empty text."""

from __future__ import annotations

from hpcsched.cli import wording
from hpcsched.model.array import ArrayProgress, ArrayTasks, parse_array
from hpcsched.model.job import Job
from hpcsched.model.units import format_duration

MOST = 10
"""Failed tasks and workers that are named."""


def asked(job: Job) -> list[tuple[str, str]]:
    spec = job.spec
    return [
        ("partition", spec.partition),
        ("account", spec.account),
        ("qos", spec.qos),
        ("constraint", spec.constraint),
        ("nodelist", ",".join(spec.nodelist)),
        ("require", ", ".join(spec.require)),
        ("equal_speed", spec.equal_speed),
        ("array", spec.array),
        ("after", spec.dependency),
        ("begin", wording.moment(spec.begin_time)),
        ("deadline", wording.moment(spec.deadline)),
        ("reservation", spec.reservation),
        ("nice", str(spec.nice or "")),
        ("requeue", "yes" if spec.requeue else ""),
    ]


def standing(job: Job) -> list[tuple[str, str]]:
    return [
        ("eligible", wording.moment(job.eligible_time) if job.eligible_time > job.submit_time else ""),
        ("multifactor", wording.multifactor(job)),
        ("restarts", str(job.restarts or "")),
        ("suspended", format_duration(job.suspended_s) if job.suspended_s else ""),
        ("preempted_by", "" if job.preempted_by is None else f"job {job.preempted_by}"),
        ("runs_in", "" if job.worker is None else f"the container of worker {job.worker}"),
        *(_tasks(job.array, parse_array(job.spec.array)) if job.array else ()),
    ]


def _tasks(array: ArrayProgress, tasks: ArrayTasks) -> list[tuple[str, str]]:
    left = array.size - wording.ended_tasks(array)
    told = f"{array.size}: {array.done} done, {array.failed} failed, {array.cancelled} cancelled, {left} left"
    return [
        ("tasks", told),
        ("workers", _listed([str(job_id) for job_id in array.workers])),
        ("had_nodes", _listed(list(array.nodes))),
        ("failures", _listed([f"{tasks.task_id(position)}: {how}" for position, how in array.failures], "; ")),
    ]


def _listed(words: list[str], between: str = " ") -> str:
    more = f"{between}and {len(words) - MOST} more" if len(words) > MOST else ""
    return between.join(words[:MOST]) + more
