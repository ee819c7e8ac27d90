"""Times, places and codes of jobs and nodes as the listings write them."""

from __future__ import annotations

import shlex
import time

from hpcsched.model.job import Job, JobSpec
from hpcsched.model.node import Node
from hpcsched.model.units import format_bytes, format_duration


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
    reason = job.reason.value
    return " ".join(part for part in (node_list(job), f"({reason})" if reason != "None" else "") if part)


def name(job: Job) -> str:
    """The job's name, or that of its command."""
    return job.spec.title


def command_line(spec: JobSpec) -> str:
    words = shlex.join(spec.command)
    return f"(script) {words}".rstrip() if spec.script else words


def size(value: int) -> str:
    """Empty for 0."""
    return format_bytes(value) if value else ""


def cores(node: Node) -> int:
    """Cores of which a job may have a thread."""
    return sum(1 for core in node.offer.topology.cores if not core.pus.isdisjoint(node.offer.cpus))
