"""What each event that changes a job in mid-life does to the tables. A stale event does nothing."""

from __future__ import annotations

from hpcsched.state import events
from hpcsched.state.commands import Command
from hpcsched.state.tables import Tables


def job_requeued(tables: Tables, event: events.JobRequeued) -> list[Command]:
    raise NotImplementedError


def job_suspended(tables: Tables, event: events.JobSuspended) -> list[Command]:
    raise NotImplementedError


def job_resumed(tables: Tables, event: events.JobResumed) -> list[Command]:
    raise NotImplementedError


def job_modified(tables: Tables, event: events.JobModified) -> list[Command]:
    raise NotImplementedError


def job_dropped(tables: Tables, event: events.JobDropped) -> list[Command]:
    raise NotImplementedError
