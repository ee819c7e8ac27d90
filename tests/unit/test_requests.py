"""A request that comes again changes nothing, however often the controller was started in between."""

from __future__ import annotations

from functools import partial

import pytest

from hpcsched.errors import Conflict
from hpcsched.model.job import JobState
from hpcsched.state import changing, decide
from hpcsched.state.events import Event, RequestServed
from hpcsched.state.requests import MAX_SERVED, once
from hpcsched.state.state import State
from hpcsched.testing.world import TRUE, World, running


def test_a_request_is_served_once_over_a_snapshot_and_a_restart() -> None:
    world = World()
    job_id = world.run()
    requeue = partial(changing.requeue, world.state, job_id, world.tick())
    world.do(*once(world.state, "mine", world.time, requeue))
    again = State.load(world.state.dump())
    assert not once(again, "mine", world.tick(), requeue)
    assert once(again, "other", world.tick(), lambda: ())


def test_a_request_that_was_refused_is_judged_anew() -> None:
    world = World()
    job_id = world.start()
    suspend = partial(changing.suspend, world.state, job_id)
    with pytest.raises(Conflict):
        once(world.state, "mine", world.tick(), partial(suspend, world.time))
    world.tell("n1", running(job_id, world.time))
    world.do(*once(world.state, "mine", world.tick(), partial(suspend, world.time)))
    assert world.state.jobs[job_id].state is JobState.SUSPENDED


def test_what_was_so_already_is_served_too() -> None:
    world = World([])
    (job_id,) = world.submit(TRUE)
    told: list[Event] = list(once(world.state, "mine", world.tick(), partial(decide.release, world.state, job_id, world.time)))
    assert told == [RequestServed(world.time, "mine")]


def test_the_eldest_requests_are_forgotten_first() -> None:
    state = State()
    for number in range(MAX_SERVED + 2):
        state.apply(RequestServed(1.0, str(number)))
    assert len(state.served) == MAX_SERVED
    assert next(iter(state.served)) == "2"
    assert str(MAX_SERVED + 1) in state.served
