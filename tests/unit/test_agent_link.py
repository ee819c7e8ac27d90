"""The agent's stream to the controller: what it reports, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from hpcsched.agent.link import Link
from hpcsched.config import AgentConfig
from hpcsched.model.container import ContainerStatus
from hpcsched.model.node import NodeOffer
from hpcsched.testing.world import offer
from hpcsched.v1 import agent_service_pb2 as pb
from hpcsched.v1 import agent_service_pb2_grpc


@dataclass
class Node:
    """Stands in for the agent. `asked`: how often its statuses were."""

    config: AgentConfig
    offer: NodeOffer = field(default_factory=offer)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0

    async def faults(self) -> tuple[str, ...]:
        return ()

    def statuses(self) -> list[ContainerStatus]:
        self.asked += 1
        return []

    def clock(self) -> float:
        return 1.0

    def want(self, epoch: int, containers: Any) -> None:
        pass


class Controller(agent_service_pb2_grpc.AgentServiceServicer):  # type: ignore[misc]
    """Ends the first stream after its first report. `heard`: for each report, on which stream it came."""

    def __init__(self) -> None:
        self.streams = 0
        self.heard: asyncio.Queue[int] = asyncio.Queue()

    async def Sync(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        self.streams += 1
        number = self.streams
        async for request in requests:
            if request.WhichOneof("message") == "report":
                yield pb.SyncResponse(desired=pb.DesiredSet(epoch=1))
                self.heard.put_nowait(number)
                if number == 1:
                    return


@asynccontextmanager
async def linked(folder: Path) -> AsyncIterator[tuple[Node, Controller]]:
    server, controller = grpc.aio.server(), Controller()
    agent_service_pb2_grpc.add_AgentServiceServicer_to_server(controller, server)
    address = f"unix://{folder}/c.sock"
    server.add_insecure_port(f"unix:{folder}/c.sock")
    await server.start()
    node = Node(AgentConfig(controller=address))
    running = asyncio.create_task(Link(node).run())  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(20):
            yield node, controller
    finally:
        running.cancel()
        await asyncio.wait([running])
        await server.stop(None)


async def test_a_stream_that_has_ended_takes_no_change_away_from_the_one_that_is_open(tmp_path: Path) -> None:
    async with linked(tmp_path) as (node, controller):
        assert [await controller.heard.get() for _ in range(2)] == [1, 2]
        node.changed.set()
        assert await controller.heard.get() == 2
        assert node.asked == 3
