"""What each event about a reservation does to the tables. A stale event does nothing."""

from __future__ import annotations

from hpcsched.state import events
from hpcsched.state.commands import Command, Replan
from hpcsched.state.tables import Tables


def reservation_made(tables: Tables, event: events.ReservationMade) -> list[Command]:
    tables.reservations[event.reservation.name] = event.reservation
    return [Replan()]


def reservation_deleted(tables: Tables, event: events.ReservationDeleted) -> list[Command]:
    return [Replan()] if tables.reservations.pop(event.name, None) else []
