"""Between a client's stream and the agent's channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from hpcsched.controller.agents import Agents, Channel
from hpcsched.controller.desk import Desk
from hpcsched.errors import Conflict, NotFound
from hpcsched.model.container import EndCause, Phase
from hpcsched.model.job import Job
from hpcsched.v1 import agent_service_pb2 as agent_pb
from hpcsched.v1 import job_service_pb2 as pb

RETRY_S = 0.5
PIECE = 64 << 10
"""Bytes."""
NAMED_NODES = 16
"""Nodes of a job that an error names."""
_NEVER_RAN = frozenset({EndCause.LAUNCH_FAILED, EndCause.BINDING_MISMATCH})


def node_of(job: Job, asked: str) -> str:
    """The job's node of that name, or its first when none is asked for. Raises NotFound."""
    names = job.allocation.nodes if job.allocation else ()
    if names and (not asked or asked in names):
        return asked or names[0]
    more = f" and {len(names) - NAMED_NODES} more" if len(names) > NAMED_NODES else ""
    has = f"it has {', '.join(names[:NAMED_NODES])}{more}" if names else "it has none"
    raise NotFound(f"job {job.id} has no node {asked[:70]!r}: {has}")


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


async def output(desk: Desk, job: Job, asked: str, offset: int, follow: bool) -> AsyncIterator[bytes]:
    """The job's output on a node from `offset`; with `follow` to its end, going on where it was when the agent has come back.

    Raises Conflict when the node is not connected and there is nothing to wait for, or its agent has no such output; NotFound.
    """
    if job.allocation is None and not asked:
        return
    node, complete = node_of(job, asked), False
    while not complete and not never_ran(job, node):
        if follow and node not in desk.agents.links:
            await _back(desk, job.id, node)
        try:
            async for data in once(desk.agents, node, pb.ReadOutputRequest(job_id=job.id, offset=offset, follow=follow)):
                complete = not data
                offset += len(data)
                yield data
        except Conflict:
            job = await desk.job(job.id)
            if never_ran(job, node):
                return
            if not follow or node in desk.agents.links:
                raise


def never_ran(job: Job, node: str) -> bool:
    """The job's part on that node has ended before its container was up, so that there is no output."""
    assert job.allocation is not None
    part = job.parts[job.allocation.nodes.index(node)]
    if part is None or part.phase is not Phase.EXITED:
        return False
    return part.cause in _NEVER_RAN or (part.cause is EndCause.STOPPED and not part.start_time)


async def once(agents: Agents, node: str, request: Any) -> AsyncIterator[bytes]:
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
