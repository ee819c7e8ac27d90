"""What goes wrong with one container stays with it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from hpcsched.agent.book import Book, Page
from hpcsched.agent.health import Health
from hpcsched.agent.keeper import Keeper
from hpcsched.agent.outfit import Outfitter
from hpcsched.agent.output import Outputs
from hpcsched.agent.reconcile import Stage
from hpcsched.agent.sampling import Sampling
from hpcsched.agent.surroundings import Surroundings
from hpcsched.agent.tuning import Tuner
from hpcsched.config import AgentConfig
from hpcsched.errors import RuntimeFailure
from hpcsched.model.allocation import Binding
from hpcsched.model.container import (
    ContainerSpec,
    ContainerStatus,
    DesiredContainer,
    DeviceNode,
    EndCause,
    Observed,
    Phase,
    Usage,
)
from hpcsched.model.idset import IdSet
from hpcsched.testing.topologies import grid, offer_of

BINDING = Binding(IdSet.of([0]), IdSet.of([0]))


class OddRuntime:
    """Meets what nobody thought of, when a container starts and the first time that it is removed."""

    name = "lxc"

    def __init__(self) -> None:
        self.removals = 0

    async def start(self, spec: ContainerSpec) -> None:
        raise KeyError(spec.name)

    async def remove(self, name: str) -> None:
        self.removals += 1
        if self.removals == 1:
            raise ZeroDivisionError

    def usage(self, name: str) -> Usage:
        return Usage()


class Driverless:
    """Starts a container whose devices have no driver, and goes no further."""

    name = "lxc"

    async def start(self, spec: ContainerSpec) -> None:
        pass

    def observe(self, name: str) -> Observed:
        return Observed("lxc", BINDING.cpus, BINDING.mems, 0, False, "/g", 7, "overlay", lacks=("no pids control group",))

    async def try_open(self, name: str, nodes: Sequence[DeviceNode]) -> dict[str, str]:
        return {node.path: "ENXIO" for node in nodes}

    async def connect(self, name: str) -> None:
        raise RuntimeFailure("far enough")

    async def remove(self, name: str) -> None:
        pass

    def usage(self, name: str) -> Usage:
        return Usage()


def surroundings(folder: Path) -> Surroundings:
    offer = offer_of(grid())
    config = AgentConfig(state_dir=str(folder))
    return Surroundings(
        Book(folder / "jobs"),
        Outputs(folder / "output", 10, ()),
        time.time,
        time.monotonic,
        lambda: None,
        (),
        Outfitter({}, ()),
        Tuner(folder, {}),
        Health(config, offer),
        Sampling(offer.topology, 0),
        offer.topology,
    )


async def lived(runtime: OddRuntime | Driverless, spec: ContainerSpec, folder: Path) -> Keeper:
    """Of a container that came to its end."""
    page = Page("job7", DesiredContainer(7, "lxc", spec, None), Stage.STARTING, ContainerStatus(7, Phase.STARTING), "boot")
    keeper = Keeper(page, runtime, surroundings(folder))  # type: ignore[arg-type]
    keeper.release()
    await keeper.live()
    return keeper


async def test_a_bug_met_by_one_job_ends_that_job_and_is_told(tmp_path: Path) -> None:
    runtime = OddRuntime()
    keeper = await lived(runtime, ContainerSpec("job7", "host", BINDING, "n1"), tmp_path)
    status = keeper.page.status
    assert (status.phase, status.cause) == (Phase.EXITED, EndCause.LAUNCH_FAILED)
    assert status.message == "a bug of the agent (KeyError), see its log"
    assert (keeper.page.stage, runtime.removals) == (Stage.REMOVED, 2)


async def test_a_granted_device_without_a_driver_is_among_what_the_node_lacks(tmp_path: Path) -> None:
    spec = ContainerSpec("job7", "host", BINDING, "n1", devices=(DeviceNode("/dev/nvidia0", 195, 0),))
    status = (await lived(Driverless(), spec, tmp_path)).page.status
    assert status.message == "far enough"
    assert status.observed is not None
    assert status.observed.lacks == ("no pids control group", "/dev/nvidia0 does not open: ENXIO; see hpcsched doctor gpu")
