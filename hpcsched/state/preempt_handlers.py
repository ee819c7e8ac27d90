"""What preemption does to the tables. A stale event does nothing."""

from __future__ import annotations

from hpcsched.state import events
from hpcsched.state.commands import Command
from hpcsched.state.tables import Tables


def job_preempted(tables: Tables, event: events.JobPreempted) -> list[Command]:
    raise NotImplementedError
