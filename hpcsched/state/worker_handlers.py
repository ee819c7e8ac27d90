"""What each event about a worker and its tasks does to the tables. A stale event does nothing."""

from __future__ import annotations

from hpcsched.state import events
from hpcsched.state.commands import Command
from hpcsched.state.tables import Tables


def worker_granted(tables: Tables, event: events.WorkerGranted) -> list[Command]:
    raise NotImplementedError


def slot_granted(tables: Tables, event: events.SlotGranted) -> list[Command]:
    raise NotImplementedError


def work_assigned(tables: Tables, event: events.WorkAssigned) -> list[Command]:
    raise NotImplementedError


def work_reported(tables: Tables, event: events.WorkReported) -> list[Command]:
    raise NotImplementedError


def worker_dismissed(tables: Tables, event: events.WorkerDismissed) -> list[Command]:
    raise NotImplementedError
