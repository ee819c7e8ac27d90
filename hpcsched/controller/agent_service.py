"""AgentService: agents dial in, say what runs, and are told what should."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from hpcsched.controller.agents import Link
from hpcsched.controller.answers import answering, first_message, node_name
from hpcsched.controller.desk import Desk
from hpcsched.errors import InvalidValue, VersionMismatch
from hpcsched.model.container import ContainerStatus
from hpcsched.model.node import NodeOffer
from hpcsched.state import decide
from hpcsched.state.clocks import by_our_clock
from hpcsched.state.events import NodeDisconnected, NodeRegistered
from hpcsched.v1 import agent_service_pb2 as pb
from hpcsched.v1 import agent_service_pb2_grpc
from hpcsched.wire.convert import from_message, to_message
from hpcsched.wire.status import PROTOCOL

MAX_FAULTS = 100
MAX_CONTAINERS = 10_000


class AgentService(agent_service_pb2_grpc.AgentServiceServicer):  # type: ignore[misc]
    """See proto/hpcsched/v1/agent_service.proto for what each call promises."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @answering
    async def Sync(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        offer = _welcome(await first_message(requests, "hello"))
        link = self._desk.agents.claim(offer.name, context.peer())
        reader = None
        try:
            await self._desk.loop.do(lambda state, now: (NodeRegistered(now, offer),))
            self._desk.disconnected_since.pop(offer.name, None)
            reader = asyncio.create_task(self._read(link, requests))
            async for response in self._tell(link, reader):
                yield response
        finally:
            if reader:
                reader.cancel()
            self._gone(link)

    async def _read(self, link: Link, requests: Any) -> None:
        """Every report becomes what has changed; ends with the agent's side of the stream."""
        try:
            async for request in requests:
                if request.WhichOneof("message") == "report":
                    await self._report(link.node, request.report)
        finally:
            link.wake()

    async def _report(self, node: str, message: Any) -> None:
        if len(message.containers) > MAX_CONTAINERS:
            raise InvalidValue(f"a report holds at most {MAX_CONTAINERS} containers, not {len(message.containers)}")
        statuses = [from_message(ContainerStatus, item) for item in message.containers]
        faults = tuple(message.faults[:MAX_FAULTS])
        ahead_s = self._desk.loop.now() - message.time if message.time > 0 else 0.0
        told = [by_our_clock(status, ahead_s) for status in statuses]
        await self._desk.loop.insist(lambda state, now: decide.report(state, node, told, now, faults))

    async def _tell(self, link: Link, reader: asyncio.Task[None]) -> AsyncIterator[Any]:
        """The desired set now and whenever it has changed, then the channels asked for, which may be about it."""
        link.wake()
        while not reader.done():
            await link.dirty.wait()
            link.dirty.clear()
            opens, link.opens = link.opens, []
            yield pb.SyncResponse(desired=self._desired(link.node))
            for request in opens:
                yield pb.SyncResponse(open=request)
        reader.result()

    def _desired(self, node: str) -> Any:
        containers = [to_message(item) for item in self._desk.loop.desired.get(node, ())]
        return pb.DesiredSet(epoch=self._desk.ledger.epoch, containers=containers)

    def _gone(self, link: Link) -> None:
        self._desk.agents.drop(link)
        self._desk.disconnected_since[link.node] = time.monotonic()
        self._desk.background(self._desk.loop.insist(lambda state, now: self._unless_back(link.node, now)))

    def _unless_back(self, node: str, now: float) -> tuple[NodeDisconnected, ...]:
        return () if node in self._desk.agents.links else (NodeDisconnected(now, node),)

    @answering
    async def Channel(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        channel = self._desk.agents.take(await first_message(requests, "channel_id"))
        reader = asyncio.create_task(_forward(channel, requests))
        try:
            while (response := await channel.to_agent.get()) is not None:
                yield response
        finally:
            reader.cancel()
            self._desk.agents.end(channel)


def _welcome(hello: Any) -> NodeOffer:
    if hello.protocol != PROTOCOL:
        raise VersionMismatch(
            f"the agent speaks protocol {hello.protocol}, this controller {PROTOCOL}: install the same hpcsched on both"
        )
    return _checked(from_message(NodeOffer, hello.offer))


def _checked(offer: NodeOffer) -> NodeOffer:
    node_name(offer.name)
    if not offer.cpus or not offer.cpus <= offer.topology.pus:
        raise InvalidValue(f"node {offer.name} offers CPUs {str(offer.cpus)!r}, which are not in its topology")
    return offer


async def _forward(channel: Any, requests: Any) -> None:
    """What the agent sends goes to the client's call; the end of it ends that."""
    async for request in requests:
        await channel.from_agent.put(request)
    await channel.from_agent.put(None)
