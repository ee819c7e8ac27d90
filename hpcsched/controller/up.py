"""`hpcsched up`: a controller and agents on this host, in one process, that leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hpcsched.agent.agent import Agent, agent
from hpcsched.agent.inventory import discovered, vendors
from hpcsched.config import AgentConfig, ControllerConfig
from hpcsched.controller.desk import Desk
from hpcsched.controller.server import controller
from hpcsched.errors import ConfigError, RuntimeFailure, alone
from hpcsched.hardware.host import share
from hpcsched.hardware.topology import read_topology
from hpcsched.sched.dealing import deal
from hpcsched.state.state import State

SETTLE_S = 40.0
ROUND_S = 1.0


@dataclass(frozen=True, slots=True)
class Base:
    """Settings that are not up's own: addresses, names, folders, and the shares of several agents are."""

    controller: ControllerConfig = field(default_factory=ControllerConfig)
    agent: AgentConfig = field(default_factory=AgentConfig)


_PLAIN = Base()


@dataclass(frozen=True, slots=True)
class Cluster:
    address: str
    desk: Desk
    agents: Sequence[Agent]

    async def stop_jobs(self) -> None:
        """Start nothing more, end what runs, and wait until the controller has noted it. Raises RuntimeFailure."""
        self.desk.loop.paused = True
        try:
            async with asyncio.timeout(SETTLE_S):
                await self._end_all()
        except TimeoutError:
            raise RuntimeFailure(f"jobs are still there after {SETTLE_S:g} s; the next `hpcsched up` here removes them") from None

    async def _end_all(self) -> None:
        """Once more when a start that was under way has come through."""
        while True:
            for running in self.agents:
                await running.end_all()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ROUND_S):
                    return await self.desk.loop.until(_quiet)


def _quiet(state: State) -> bool:
    return not any(node.busy and node.connected for node in state.nodes.values())


@contextlib.asynccontextmanager
async def cluster(state: Path, nodes: int = 1, listen: str = "", base: Base = _PLAIN) -> AsyncIterator[Cluster]:
    """Controller and `nodes` agents whose state is in `state`; leaving ends the jobs that run."""
    address = listen or f"unix://{state}/hpcsched.sock"
    agents: list[Agent] = []
    async with (
        controller(replace(base.controller, listen=address, state_dir=str(state / "controller"))) as desk,
        asyncio.TaskGroup() as tasks,
        contextlib.AsyncExitStack() as stack,
    ):
        for config in await asyncio.to_thread(_configs, base.agent, state, nodes, address):
            agents.append(await stack.enter_async_context(agent(config)))
        running = [tasks.create_task(item.run()) for item in agents]
        here = Cluster(address, desk, agents)
        try:
            await _connected(here)
            yield here
        finally:
            await here.stop_jobs()
            for task in running:
                task.cancel()
            await asyncio.wait(running)


async def run_up(
    state: Path, nodes: int = 1, listen: str = "", ready: Callable[[str], None] = lambda address: None, base: Base = _PLAIN
) -> None:
    """Serve until cancelled; `ready` gets the address. Raises ConfigError, StoreBusy, MissingTool, RuntimeFailure…"""
    with alone():
        async with cluster(state, nodes, listen, base) as here:
            ready(here.address)
            await asyncio.Event().wait()


async def _connected(here: Cluster) -> None:
    names = [item.offer.name for item in here.agents]
    try:
        async with asyncio.timeout(SETTLE_S):
            await here.desk.loop.until(lambda state: all(name in state.nodes and state.nodes[name].connected for name in names))
    except TimeoutError:
        raise RuntimeFailure(f"the agents did not connect within {SETTLE_S:g} s") from None


def _configs(base: AgentConfig, state: Path, nodes: int, address: str) -> list[AgentConfig]:
    """One agent owns the host; several get their own share of its cores and devices each. Raises ConfigError."""
    return [
        replace(
            base,
            controller=address,
            name=base.name if nodes == 1 else f"node{number}",
            state_dir=str(state / f"agent{number}"),
            image_dir=str(state / "images"),
            cpus=cpus,
            hide=(*base.hide, str(state)),
            devices=devices,
        )
        for number, (cpus, devices) in enumerate(_shares(base, nodes), start=1)
    ]


def _shares(base: AgentConfig, nodes: int) -> list[tuple[str, tuple[str, ...]]]:
    """Cores and ids of devices of each agent, as their settings say it."""
    if nodes == 1:
        return [(base.cpus, base.devices)]
    if base.cpus:
        raise ConfigError("[agent] cpus cannot be shared out: leave it out, or start one node")
    topology = read_topology()
    parts = share(topology, nodes)
    devices = [item for item in discovered(vendors(base.cdi_dirs)) if base.devices == ("all",) or item.id in base.devices]
    return [(str(part), ids) for part, ids in zip(parts, deal(devices, parts, topology), strict=True)]
