"""Requests that were served, by id: one that comes again, because its answer was lost, must not be done again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hpcsched.state import events
from hpcsched.state.commands import Command
from hpcsched.state.tables import Tables

MAX_SERVED = 10_000
"""Of so many the ids are kept; the eldest go first. Those of submits are their jobs'."""


def once(tables: Tables, request_id: str, now: float, decide: Callable[[], Sequence[events.Event]]) -> Sequence[events.Event]:
    """What is decided and that it was, in one transaction; nothing when it was before. Raises what `decide` raises."""
    return () if request_id in tables.served else (*decide(), events.RequestServed(now, request_id))


def request_served(tables: Tables, event: events.RequestServed) -> list[Command]:
    tables.served.setdefault(event.request_id)
    while len(tables.served) > MAX_SERVED:
        del tables.served[next(iter(tables.served))]
    return []
