"""Job arrays: which tasks one has, and how far they are."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsched.model.allocation import Binding
from hpcsched.model.idset import IdSet


@dataclass(frozen=True, slots=True)
class ArrayProgress:
    """Of an array's tasks, by position (0 for the first): `next`, the first that was never given out; `again`, half-open ranges
    of those given back; `ok`: ended with exit code 0; `done`, `failed`, `cancelled`: how many. `failures`: the first ones.
    """

    size: int
    next: int = 0
    again: tuple[tuple[int, int], ...] = ()
    ok: IdSet = IdSet()
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    failures: tuple[tuple[int, str], ...] = ()
    """Position, and how it ended, a sentence."""
    workers: tuple[int, ...] = ()
    """Jobs whose containers run tasks of it now."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a worker has to run of job `job_id`: positions, as half-open ranges, and the slots for them in its container."""

    job_id: int
    ranges: tuple[tuple[int, int], ...]
    slots: tuple[Binding, ...]
