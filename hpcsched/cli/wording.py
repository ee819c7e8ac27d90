"""Times, places and codes of jobs and nodes as the listings write them."""

from __future__ import annotations

import shlex
import time

from hpcsched.model.array import ArrayProgress
from hpcsched.model.job import Job, JobSpec
from hpcsched.model.node import Node
from hpcsched.model.units import format_bytes, format_duration

MAX_ARRAY = 32
"""Characters of an array's ids in a listing."""


def moment(unix_s: float) -> str:
    """Local time to the second; empty for 0."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix_s)) if unix_s else ""


def seconds(value: float) -> str:
    """For scripts: to the millisecond, empty for 0."""
    return f"{value:.3f}" if value else ""


def span(value: float) -> str:
    """For people: `0.42s` below ten seconds, then as squeue(1) prints it."""
    return f"{value:.2f}s" if value < 10 else format_duration(value)


def ran(job: Job, now: float) -> str:
    """How long it has run so far, or ran."""
    if not job.start_time:
        return ""
    return span(max(0.0, (job.end_time or now) - job.start_time))


def limit(spec: JobSpec) -> str:
    return format_duration(spec.time_limit_s) if spec.time_limit_s else "none"


def code(job: Job) -> str:
    """Its exit code; `SIG11` when a signal ended it, empty when neither is known."""
    if job.exit_code is not None:
        return str(job.exit_code)
    return f"SIG{job.signal}" if job.signal else ""


def node_list(job: Job) -> str:
    return ",".join(job.allocation.nodes) if job.allocation else ""


def place(job: Job) -> str:
    """Where it runs; in brackets why it waits, or how it ended if not well."""
    reason = "worker" if job.is_worker and job.reason.value == "None" else job.reason.value
    return " ".join(part for part in (node_list(job), f"({reason})" if reason != "None" else "") if part)


def name(job: Job) -> str:
    """The job's name, or that of its command."""
    return job.spec.title


def job_id(job: Job) -> str:
    """`7`; of an array with its ids, `7_[0-99%8]`, of a long list of ids the beginning."""
    array = job.spec.array
    return f"{job.id}_[{array if len(array) <= MAX_ARRAY else array[: MAX_ARRAY - 1] + '…'}]" if array else str(job.id)


def node_count(job: Job) -> str:
    """How many it has; before it has any, how many it asks for."""
    if job.allocation:
        return str(len(job.allocation.bindings))
    if job.array and job.array.workers:
        return str(len(job.array.workers))
    spec = job.spec
    return f"{spec.nodes}-{spec.max_nodes}" if spec.max_nodes > spec.nodes else str(spec.nodes)


def multifactor(job: Job) -> str:
    """The sum of its priority factors; empty for one that has no place in the queue."""
    return "" if job.multifactor is None else f"{job.multifactor:.2f}"


def progress(job: Job) -> str:
    """Of an array's tasks, how many have ended: `12/100`."""
    return f"{ended_tasks(job.array)}/{job.array.size}" if job.array else ""


def ended_tasks(array: ArrayProgress) -> int:
    return array.done + array.failed + array.cancelled


def command_line(spec: JobSpec) -> str:
    words = shlex.join(spec.command)
    return f"(script) {words}".rstrip() if spec.script else words


def size(value: int) -> str:
    """Empty for 0."""
    return format_bytes(value) if value else ""


def cores(node: Node) -> int:
    """Cores of which a job may have a thread."""
    return sum(1 for core in node.offer.topology.cores if not core.pus.isdisjoint(node.offer.cpus))
