"""What must be done after an event is durable."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsched.model.record import Record


@dataclass(frozen=True, slots=True)
class RecordJob:
    """Keep it for accounting, in the same transaction as the event."""

    record: Record


@dataclass(frozen=True, slots=True)
class SyncNode:
    """The node's desired set changed."""

    name: str


@dataclass(frozen=True, slots=True)
class Replan:
    """Something that a policy looks at changed."""


@dataclass(frozen=True, slots=True)
class JobChanged:
    job_id: int


Command = RecordJob | SyncNode | Replan | JobChanged
