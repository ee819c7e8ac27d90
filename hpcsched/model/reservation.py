"""Nodes set aside for a time."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Repeat(enum.StrEnum):
    """When a reservation comes again."""

    NEVER = "never"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class Reservation:
    """From `start` until before `end` (Unix seconds; of one that repeats: the next or present time) `nodes` (by name) are for
    jobs of `users` and `accounts` that name it. `maintenance`: for no job at all; it may lie over others.
    """

    name: str
    start: float
    end: float
    nodes: tuple[str, ...]
    users: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    maintenance: bool = False
    repeat: Repeat = Repeat.NEVER
    comment: str = ""
