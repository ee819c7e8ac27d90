"""What must be true of jobs that give their nodes up, after every event."""

from __future__ import annotations

from collections.abc import Iterator

from hpcsched.state.preemption import waits_frozen
from hpcsched.state.tables import Tables


def preemption_broken(tables: Tables) -> Iterator[str]:
    """Who waits frozen on a node gave it up and is seen frozen there; who gives nodes up is remembered."""
    for name, node in tables.nodes.items():
        for number in node.suspended:
            job = tables.jobs.get(number)
            names = job.allocation.nodes if job and job.allocation else ()
            part = job.parts[names.index(name)] if job and name in names else None
            if job is None or not (waits_frozen(job) or job.cancel_requested or job.cause) or part is None or not part.suspended:
                yield f"job {number} is kept as frozen on node {name}, and is not"
        if len({node.job_id, *node.suspended}) != 1 + len(node.suspended):
            yield f"node {name} has job {node.job_id}, and frozen {node.suspended}"
    for job in tables.active.values():
        if job.preempt_mode is not None and job.id not in tables.giving:
            yield f"job {job.id} gives its nodes up and is forgotten"
