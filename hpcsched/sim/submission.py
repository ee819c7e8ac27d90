"""A job of a trace as it is submitted."""

from __future__ import annotations

from typing import Any

from hpcsched.model.job import JobSpec
from hpcsched.model.site import Site
from hpcsched.sim.trace import TraceJob


def spec_of(job: TraceJob, nodes: int, site: Site, requeue: bool) -> JobSpec:
    """With its names for partition, account and QOS where the site knows such a one."""
    return JobSpec(
        command=("job",),
        user=job.user or "nobody",
        nodes=nodes,
        time_limit_s=max(1, int(job.estimate)),
        partition=_known(job.partition, site.partitions),
        account=_known(job.account, site.accounts),
        qos=_known(job.qos, site.qos) or _known(job.partition, site.qos),
        requeue=requeue,
        array=_ids(job),
    )


def _ids(job: TraceJob) -> str:
    """Of its tasks; no more of them at once than it had processors, if that was bounded."""
    return f"0-{job.tasks - 1}" + (f"%{job.width}" if job.throttled else "") if job.tasks else ""


def _known(name: str, known: Any) -> str:
    return name if any(item.name == name for item in known) else ""
