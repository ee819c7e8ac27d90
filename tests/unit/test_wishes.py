"""What the controller wants of a container, as it changes."""

from __future__ import annotations

import dataclasses

from hpcsched.agent.wishes import Wishes
from hpcsched.model.allocation import Binding
from hpcsched.model.container import ContainerSpec, DesiredContainer, EndCause
from hpcsched.model.idset import IdSet

WANTED = DesiredContainer(
    7, "lxc", ContainerSpec("job7", "host", Binding(IdSet.of([0]), IdSet.of([0])), "n1"), None, grace_s=3600.0
)


async def test_it_ends_within_the_grace_that_was_wanted_last_before_its_end() -> None:
    wishes = Wishes(WANTED, False)
    wishes.adjust(dataclasses.replace(WANTED, grace_s=5.0))
    wishes.end(EndCause.CANCELLED)
    wishes.adjust(dataclasses.replace(WANTED, grace_s=60.0))
    assert wishes.grace_s == 5.0


async def test_an_agent_that_ends_hurries_all() -> None:
    wishes = Wishes(WANTED, False)
    wishes.end(EndCause.CANCELLED, 1.0)
    assert wishes.grace_s == 1.0
