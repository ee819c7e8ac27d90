"""The agents' open streams: what each node is told, and the channels that it was asked to open."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from hpcsched.errors import AlreadyExists, Conflict, DeadlineExceeded, QueueFull
from hpcsched.v1 import agent_service_pb2 as pb

OPEN_TIMEOUT_S = 10.0
CHANNEL_MESSAGES = 64
"""Messages that wait in each direction of a channel before the sender has to wait."""
MAX_CHANNELS = 1000


@dataclass(slots=True)
class Link:
    """One agent's stream. `dirty`: its desired set must be sent again."""

    node: str
    dirty: asyncio.Event = field(default_factory=asyncio.Event)
    opens: list[pb.OpenChannel] = field(default_factory=list)

    def wake(self) -> None:
        self.dirty.set()


@dataclass(slots=True)
class Channel:
    """Between a client's call and the agent that serves it; None ends a direction."""

    channel_id: str
    link: Link
    from_agent: asyncio.Queue[Any] = field(default_factory=lambda: asyncio.Queue(CHANNEL_MESSAGES))
    to_agent: asyncio.Queue[Any] = field(default_factory=lambda: asyncio.Queue(CHANNEL_MESSAGES))
    taken: asyncio.Event = field(default_factory=asyncio.Event)

    async def responses(self) -> AsyncIterator[Any]:
        """What the agent sends, until it ends the channel. Raises Conflict with its words when it cannot serve."""
        while (message := await self.from_agent.get()) is not None:
            if message.WhichOneof("message") == "error":
                raise Conflict(message.error)
            yield message


class Agents:
    """All links by node name and all channels by id."""

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self._channels: dict[str, Channel] = {}

    def claim(self, node: str, peer: str) -> Link:
        """Raises AlreadyExists when an agent of that name is connected."""
        if node in self.links:
            raise AlreadyExists(
                f"node {node!r} already has an agent connected (refused {peer}): stop it, or set another [agent] name"
            )
        self.links[node] = Link(node)
        return self.links[node]

    def drop(self, link: Link) -> None:
        """The stream is gone: so are its channels."""
        if self.links.get(link.node) is link:
            del self.links[link.node]
        for channel in [item for item in self._channels.values() if item.link is link]:
            self.end(channel)

    def sync(self, node: str) -> None:
        """The node's desired set has changed."""
        if node in self.links:
            self.links[node].wake()

    async def open(self, node: str, request: Any) -> Channel:
        """Ask the node's agent for a channel. `request` is ExecStepStart or ReadOutputRequest.

        Raises Conflict when the node is not connected, QueueFull, DeadlineExceeded.
        """
        link = self.links.get(node)
        if link is None:
            raise Conflict(f"node {node} is not connected to the controller now; try again when `hpcsched nodes` shows it")
        if len(self._channels) >= MAX_CHANNELS:
            raise QueueFull(f"{MAX_CHANNELS} steps and outputs are being followed already; end some of them")
        channel = Channel(str(uuid.uuid4()), link)
        self._channels[channel.channel_id] = channel
        link.opens.append(_open_message(channel.channel_id, request))
        link.wake()
        return await self._taken(channel)

    async def _taken(self, channel: Channel) -> Channel:
        try:
            await asyncio.wait_for(channel.taken.wait(), OPEN_TIMEOUT_S)
        except TimeoutError:
            self.end(channel)
            raise DeadlineExceeded(f"node {channel.link.node} did not answer within {OPEN_TIMEOUT_S:g} s") from None
        except asyncio.CancelledError:
            self.end(channel)
            raise
        return channel

    def take(self, channel_id: str) -> Channel:
        """The agent's side of a channel, once. Raises Conflict when nobody waits for it."""
        channel = self._channels.get(channel_id)
        if channel is None or channel.taken.is_set():
            raise Conflict("nobody waits for this channel any more")
        channel.taken.set()
        return channel

    def end(self, channel: Channel) -> None:
        """Both sides learn that nothing more comes; what waits is dropped."""
        if self._channels.pop(channel.channel_id, None):
            for side in (channel.from_agent, channel.to_agent):
                _finish(side)


def _open_message(channel_id: str, request: Any) -> pb.OpenChannel:
    if request.DESCRIPTOR.name == "ExecStepStart":
        return pb.OpenChannel(channel_id=channel_id, exec=request)
    return pb.OpenChannel(channel_id=channel_id, output=request)


def _finish(side: asyncio.Queue[Any]) -> None:
    while not side.empty():
        side.get_nowait()
    side.put_nowait(None)
