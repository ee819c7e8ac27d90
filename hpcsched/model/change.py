"""What may be changed of a job after it was submitted."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from hpcsched.model.job import JobSpec


@dataclass(frozen=True, slots=True)
class JobChange:
    """Fields of JobSpec; None: as it is. Of a job that runs only `time_limit_s`, `deadline`, `requeue` and `name` may change."""

    time_limit_s: int | None = None
    name: str | None = None
    nodes: int | None = None
    max_nodes: int | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    priority: int | None = None
    nice: int | None = None
    dependency: str | None = None
    begin_time: float | None = None
    deadline: float | None = None
    reservation: str | None = None
    requeue: bool | None = None

    def given(self) -> dict[str, Any]:
        """Those that are not None."""
        return {item.name: value for item in fields(self) if (value := getattr(self, item.name)) is not None}

    def of(self, spec: JobSpec) -> JobSpec:
        """The spec with the change; one number of nodes is exactly that many."""
        exactly = {"max_nodes": 0} if self.nodes is not None else {}
        return replace(spec, **{**exactly, **self.given()})


WHILE_RUNNING = frozenset({"time_limit_s", "deadline", "requeue", "name"})
