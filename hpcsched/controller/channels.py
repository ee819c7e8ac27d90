"""Between a client's stream and the agent's channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from hpcsched.controller.agents import Agents, Channel
from hpcsched.controller.desk import Desk
from hpcsched.errors import Conflict
from hpcsched.model.container import EndCause
from hpcsched.model.job import Job
from hpcsched.v1 import agent_service_pb2 as agent_pb
from hpcsched.v1 import job_service_pb2 as pb

RETRY_S = 0.5
PIECE = 64 << 10
"""Bytes."""
_NEVER_RAN = frozenset({EndCause.LAUNCH_FAILED, EndCause.BINDING_MISMATCH})


async def feed(channel: Channel, requests: Any) -> None:
    """What the client sends goes to the agent."""
    async for request in requests:
        for part in _in_pieces(request):
            await channel.to_agent.put(agent_pb.ChannelResponse(exec=part))


def _in_pieces(request: Any) -> Iterator[Any]:
    """Input in pieces that a queue may hold many of."""
    if len(request.stdin) <= PIECE:
        yield request
        return
    for start in range(0, len(request.stdin), PIECE):
        yield pb.ExecStepRequest(stdin=request.stdin[start : start + PIECE])


async def output(desk: Desk, job: Job, offset: int, follow: bool) -> AsyncIterator[bytes]:
    """The job's output from `offset`; with `follow` to its end, going on where it was when the agent has come back.

    Raises Conflict when the node is not connected and there is nothing to wait for, or its agent has no such output.
    """
    if job.allocation is None or job.cause in _NEVER_RAN:
        return
    node, complete = job.allocation.nodes[0], False
    while not complete:
        if follow and node not in desk.agents.links:
            await _back(desk, job.id, node)
        try:
            async for data in _once(desk.agents, node, pb.ReadOutputRequest(job_id=job.id, offset=offset, follow=follow)):
                complete = not data
                offset += len(data)
                yield data
        except Conflict:
            if not follow or node in desk.agents.links:
                raise


async def _once(agents: Agents, node: str, request: Any) -> AsyncIterator[bytes]:
    """Chunks, then an empty one when all has been read; without that one the agent went away."""
    channel = await agents.open(node, request)
    try:
        async for message in channel.responses():
            yield message.output
    finally:
        agents.end(channel)


async def _back(desk: Desk, job_id: int, node: str) -> None:
    """Wait for the node's agent; raises Conflict when the job has ended without it."""
    while node not in desk.agents.links:
        if (await desk.job(job_id)).state.ended:
            raise Conflict(f"the output of job {job_id} is on node {node}, which is not connected to the controller now")
        await asyncio.sleep(RETRY_S)
