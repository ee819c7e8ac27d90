"""A receipt as data for scripts: one part for each node of the job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hpcsched.cli.fields import plain_data
from hpcsched.cli.receipt_fact import Verdict
from hpcsched.cli.receipt_rows import receipts
from hpcsched.errors import Conflict
from hpcsched.model.allocation import Binding
from hpcsched.model.container import Observed, Sampled
from hpcsched.model.job import Job, ResourceRequest


@dataclass(frozen=True, slots=True)
class Part:
    """What the job asked of one node, what it was granted there, what the kernel showed, and what the run showed.

    `observed` is None when it has not started there, `sampled` before its end. `differs`: names of the facts that are not as
    granted. `degraded`: of those for which the node could not give all that was asked, while the job runs.
    """

    job_id: int
    node: str
    asked: ResourceRequest
    binding: Binding
    observed: Observed | None
    sampled: Sampled | None = None
    differs: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()


def parts(job: Job) -> list[Part]:
    """One for each node, by rank. Raises Conflict when the job has no node."""
    if job.array is not None:
        raise Conflict(f"job {job.id} is an array: give the id of one of its containers, which `hpcsched jobs --workers` lists")
    if job.allocation is None:
        raise Conflict(f"job {job.id} is {job.state.value} and has no node, so there is nothing to show")
    found = []
    for one in receipts(job):
        observed, sampled = (one.status.observed, one.status.sampled) if one.status else (None, None)
        signs = one.named(Verdict.DIFFERS), one.named(Verdict.DEGRADED)
        found.append(Part(job.id, one.node, job.spec.resources, one.binding, observed, sampled, *signs))
    return found


def rows(part: Part) -> Iterator[tuple[str, str, str, str]]:
    """Node, field, what was granted, what the kernel showed."""
    granted, shown = plain_data(part.binding), _shown(part)
    for name in dict.fromkeys((*granted, *shown)):
        yield part.node, name, _cell(granted.get(name, "")), _cell(shown.get(name, ""))


def _shown(part: Part) -> dict[str, Any]:
    shown: dict[str, Any] = (plain_data(part.observed) or {}) | (plain_data(part.sampled) or {})
    tried = part.observed.opened if part.observed else ()
    opened = ", ".join(f"{one.path} {'granted' if one.granted else 'refused'} {one.outcome}" for one in tried)
    return shown | ({"opened": opened} if part.observed else {})


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_cell, value))
    return ":".join(map(_cell, value.values())) if isinstance(value, dict) else str(value)
