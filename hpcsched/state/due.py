"""What happens because it is time, without anybody asking for it."""

from __future__ import annotations

from hpcsched.state.changing import drops
from hpcsched.state.events import Event
from hpcsched.state.preempting import going_on
from hpcsched.state.reservations import over
from hpcsched.state.state import State


def due(state: State, now: float) -> list[Event]:
    """To be applied before a plan is made. `now` in Unix seconds."""
    return [*drops(state, now), *over(state, now), *going_on(state, now)]
