"""The node around one container."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hpcsched.agent.book import Book
from hpcsched.agent.health import Health
from hpcsched.agent.outfit import Outfitter
from hpcsched.agent.output import Outputs
from hpcsched.agent.sampling import Sampling
from hpcsched.agent.tuning import Tuner
from hpcsched.model.topology import Topology


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a keeper needs of its node. `changed`: called whenever a status has changed.

    `clock`: Unix seconds; `steady`: seconds of a clock that nobody sets and that stands still with the node.
    """

    book: Book
    outputs: Outputs
    clock: Callable[[], float]
    steady: Callable[[], float]
    changed: Callable[[], None]
    mount_allow: tuple[str, ...]
    outfitter: Outfitter
    tuner: Tuner
    health: Health
    sampling: Sampling
    topology: Topology
