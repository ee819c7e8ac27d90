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
    """From `start` until before `end` (Unix seconds; of one that repeats: the first time) `nodes` (by name) are for jobs of
    `users` and `accounts` that name it. `maintenance`: for no job at all; it may lie over others. `made`: since when it counts;
    a job that had its nodes before may keep them.
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
    made: float = 0.0


@dataclass(frozen=True, slots=True)
class ReservationRequest:
    """What was asked. `start` 0: now. `nodes`: names, patterns or `+feature` as a partition's; where there are none, `count`
    nodes that the controller chooses, of `partition` and `constraint` where those are given. `ignore_jobs`: although jobs would
    still run there.
    """

    name: str
    duration_s: int
    start: float = 0.0
    nodes: tuple[str, ...] = ()
    count: int = 0
    partition: str = ""
    constraint: str = ""
    users: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    maintenance: bool = False
    repeat: Repeat = Repeat.NEVER
    comment: str = ""
    ignore_jobs: bool = False
