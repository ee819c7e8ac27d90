"""The agent's side of the stream to the controller; dials again for as long as it takes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc

from hpcsched.agent.channel import refuse_channel, serve_channel
from hpcsched.client.channel import MAX_MESSAGE, target
from hpcsched.errors import AlreadyExists, HpcschedError, InvalidValue, VersionMismatch
from hpcsched.model.container import DesiredContainer
from hpcsched.v1 import agent_service_pb2 as pb
from hpcsched.v1 import agent_service_pb2_grpc
from hpcsched.wire.convert import from_message, to_message
from hpcsched.wire.status import PROTOCOL, error_of

if TYPE_CHECKING:
    from hpcsched.agent.agent import Agent

log = logging.getLogger(__name__)
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0
MAX_CHANNELS = 200
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
)


class Link:
    """One connection at a time."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._channels: set[asyncio.Task[None]] = set()
        self._was_taken = False

    async def run(self) -> None:
        """Until cancelled. Raises AlreadyExists, VersionMismatch, InvalidValue: what waiting does not mend."""
        wait_s = FIRST_WAIT_S
        async with grpc.aio.insecure_channel(target(self._agent.config.controller), options=_OPTIONS) as channel:
            stub: Any = agent_service_pb2_grpc.AgentServiceStub(channel)
            while True:
                if await self._sync(stub):
                    wait_s = FIRST_WAIT_S
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))
                wait_s = min(LONGEST_WAIT_S, wait_s * 2)

    async def _sync(self, stub: Any) -> bool:
        """One stream, from hello to its end; True when the controller had answered."""
        answered, over = False, asyncio.Event()
        stream = stub.Sync(self._reports(over))
        try:
            async for response in stream:
                answered = self._was_taken = True
                self._take(stub, response)
        except grpc.RpcError:
            self._judge(error_of(await _status(stream), self._agent.config.controller), answered)
        finally:
            stream.cancel()
            over.set()
            self._agent.changed.set()
            await self._end_channels()
        return answered

    def _judge(self, error: HpcschedError, answered: bool) -> None:
        """Once this agent has been taken, a refusal of its name is its own old stream, which the controller has yet to miss."""
        final = VersionMismatch | InvalidValue if self._was_taken else AlreadyExists | VersionMismatch | InvalidValue
        if isinstance(error, final) and not answered:
            raise error
        log.info("controller: %s", error)

    async def _reports(self, over: asyncio.Event) -> AsyncIterator[Any]:
        """Hello, then all statuses now and at every change.

        grpc.aio leaves this waiting when the controller has ended the stream: it must clear no change the next one waits for.
        """
        agent = self._agent
        yield pb.SyncRequest(hello=pb.Hello(protocol=PROTOCOL, offer=to_message(agent.offer)))
        while not over.is_set():
            agent.changed.clear()
            faults = await agent.faults()
            statuses = [to_message(status) for status in agent.statuses()]
            yield pb.SyncRequest(report=pb.NodeReport(containers=statuses, faults=faults, time=agent.clock()))
            await agent.changed.wait()

    def _take(self, stub: Any, response: Any) -> None:
        if response.WhichOneof("message") == "desired":
            wanted = [from_message(DesiredContainer, item) for item in response.desired.containers]
            self._agent.want(response.desired.epoch, wanted)
        elif response.WhichOneof("message") == "open":
            full = len(self._channels) >= MAX_CHANNELS
            serving = refuse_channel(stub, response.open) if full else serve_channel(self._agent, stub, response.open)
            task = asyncio.create_task(serving)
            self._channels.add(task)
            task.add_done_callback(self._channels.discard)

    async def _end_channels(self) -> None:
        for task in list(self._channels):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _status(stream: Any) -> grpc.aio.AioRpcError:
    """How the call really ended: what iterating raises may be our own side's trouble of writing to a call that has ended."""
    return grpc.aio.AioRpcError(await stream.code(), (), await stream.trailing_metadata(), await stream.details())
