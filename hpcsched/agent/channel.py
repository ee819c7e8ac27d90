"""One channel that the controller asked for: a job's output, or a step."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

import grpc

from hpcsched.agent import steps
from hpcsched.agent.output import POLL_S, wait_for
from hpcsched.errors import HpcschedError
from hpcsched.v1 import agent_service_pb2 as pb

if TYPE_CHECKING:
    from hpcsched.agent.agent import Agent

log = logging.getLogger(__name__)
REFUSAL_S = 10.0
INBOX_MESSAGES = 16
Inbox = asyncio.Queue[Any]


async def serve_channel(agent: Agent, stub: Any, request: Any) -> None:
    """Open the stream, serve it, close it; an error becomes its last message."""
    stream = stub.Channel()
    inbox: Inbox = asyncio.Queue(INBOX_MESSAGES)
    receiving = asyncio.create_task(_receive(stream, inbox))
    try:
        await stream.write(pb.ChannelRequest(channel_id=request.channel_id))
        await _serve(agent, stream, inbox, request)
        await stream.done_writing()
        await stream.code()
    except (grpc.RpcError, asyncio.InvalidStateError) as error:
        log.info("a channel ended early: %s", type(error).__name__)
    finally:
        stream.cancel()
        receiving.cancel()
        await asyncio.wait([receiving])


async def _receive(stream: Any, inbox: Inbox) -> None:
    """What comes in, then None. A read must not be cancelled while there is something to write: grpc.aio ends the call then."""
    with contextlib.suppress(grpc.RpcError):
        async for response in stream:
            await inbox.put(response)
    await inbox.put(None)


async def refuse_channel(stub: Any, request: Any) -> None:
    """Tell whoever waits that this node follows enough already."""
    messages = (
        pb.ChannelRequest(channel_id=request.channel_id),
        pb.ChannelRequest(error="this node serves as many steps and outputs as it can; end some of them"),
    )
    with contextlib.suppress(grpc.RpcError):
        async for _ in stub.Channel(iter(messages), timeout=REFUSAL_S):
            pass


async def _serve(agent: Agent, stream: Any, inbox: Inbox, request: Any) -> None:
    try:
        if request.WhichOneof("what") == "output":
            await _output(agent, stream, request.output)
        else:
            await steps.serve(agent, stream, inbox, request.exec)
    except HpcschedError as error:
        with contextlib.suppress(grpc.RpcError):
            await stream.write(pb.ChannelRequest(error=error.line))


async def _output(agent: Agent, stream: Any, request: Any) -> None:
    """Chunks, then an empty one: all has been read."""
    if await _has_begun(agent, request.job_id, request.follow):
        keeper = agent.keepers.get(request.job_id)
        end = keeper.ended if keeper else agent.outputs.end_of(request.job_id)
        position = request.position if request.HasField("position") else None
        async for chunk in agent.outputs.read(request.job_id, request.offset, end if request.follow else None, position):
            await stream.write(pb.ChannelRequest(output=chunk))
    await stream.write(pb.ChannelRequest(output=b""))


async def _has_begun(agent: Agent, job_id: int, follow: bool) -> bool:
    """False: a job of this node that has written nothing yet; with `follow` one that has ended without."""
    if agent.keeper_of(job_id) is None:
        return True
    while follow and not agent.outputs.exists(job_id) and (keeper := agent.keeper_of(job_id)) and not keeper.ended.is_set():
        await wait_for(keeper.ended, POLL_S)
    return agent.outputs.exists(job_id)
