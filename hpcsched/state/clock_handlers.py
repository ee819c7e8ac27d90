"""What it does to the tables that the clock was wrong."""

from __future__ import annotations

from dataclasses import replace

from hpcsched.model.container import ContainerStatus, Phase
from hpcsched.model.job import Job
from hpcsched.state import events
from hpcsched.state.commands import Command, Replan, SyncNode
from hpcsched.state.parts import unfinished
from hpcsched.state.tables import Tables


def clock_stepped(tables: Tables, event: events.ClockStepped) -> list[Command]:
    """What began before, began so much later by the right clock: nobody has run for a time that did not pass."""
    begun = [job for job in tables.jobs.values() if job.granted_time or job.start_time]
    for job in begun:
        tables.put_job(_later(job, event.by_s))
    for name, item in tables.reservations.items():
        tables.reservations[name] = replace(item, made=item.made + event.by_s)
    told = dict.fromkeys(name for job in begun if job.spec.deadline for name in unfinished(job))
    return [*map(SyncNode, told), Replan()]


def _later(job: Job, by_s: float) -> Job:
    return replace(
        job,
        granted_time=_moved(job.granted_time, by_s),
        start_time=_moved(job.start_time, by_s),
        suspend_time=_moved(job.suspend_time, by_s),
        assigned=tuple(replace(work, since=_moved(work.since, by_s)) for work in job.assigned),
        parts=tuple(_part_later(part, by_s) for part in job.parts),
    )


def _part_later(part: ContainerStatus | None, by_s: float) -> ContainerStatus | None:
    """One that has ended was told of by the clock of then."""
    runs = part is not None and part.phase is Phase.RUNNING
    return replace(part, start_time=_moved(part.start_time, by_s)) if part and runs else part


def _moved(time: float, by_s: float) -> float:
    return time + by_s if time else 0.0
