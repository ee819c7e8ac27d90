"""What must be done after an event is durable."""

from __future__ import annotations

from hpcsched.model.noun import noun
from hpcsched.model.record import Record


@noun(frozen=True, slots=True)
class RecordJob:
    """Keep it for accounting, in the same transaction as the event."""

    record: Record


@noun(frozen=True, slots=True)
class SyncNode:
    """The node's desired set changed."""

    name: str


@noun(frozen=True, slots=True)
class Replan:
    """Something that a policy looks at changed."""


@noun(frozen=True, slots=True)
class JobChanged:
    job_id: int


Command = RecordJob | SyncNode | Replan | JobChanged
