"""A node whose agent was away for longer than the timeout is lost, whatever number the timeout is."""

from __future__ import annotations

import pytest

from hpcsched.controller.server import _expire
from hpcsched.state.events import NodeDisconnected, NodeLost
from hpcsched.testing.world import World


@pytest.mark.parametrize("timeout_s", [0.3, 0.5, 60.0, 60.1])
def test_a_node_that_was_away_for_too_long_is_lost_at_any_time_of_day(timeout_s: float) -> None:
    world = World(["n1", "n2"])
    world.do(NodeDisconnected(world.tick(), "n1"), NodeDisconnected(world.tick(), "n2"))
    for now in (1_790_000_000.123, 1_790_000_000.456789):
        (event,) = _expire(["n1"], timeout_s, world.state, now)
        assert isinstance(event, NodeLost)
        assert event.name == "n1"
