"""NodeService: the nodes, as admins see them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hpcsched.controller.answers import answering, node_name, request_id
from hpcsched.controller.desk import Desk
from hpcsched.errors import Conflict, NotFound
from hpcsched.model.node import Node
from hpcsched.state import decide
from hpcsched.v1 import node_service_pb2 as pb
from hpcsched.v1 import node_service_pb2_grpc
from hpcsched.wire.convert import to_message


class NodeService(node_service_pb2_grpc.NodeServiceServicer):  # type: ignore[misc]
    """See proto/hpcsched/v1/node_service.proto for what each call promises."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @answering
    async def GetNode(self, request: Any, context: Any) -> Any:
        watch = self._desk.canaries
        found = watch.of(request.name) if watch else None
        return pb.GetNodeResponse(node=to_message(replace(await self._node(request.name), canaries=found)))

    @answering
    async def ListNodes(self, request: Any, context: Any) -> Any:
        await self._desk.loop.settled()
        nodes = self._desk.loop.state.nodes
        return pb.ListNodesResponse(nodes=[_brief(nodes[name]) for name in sorted(nodes)])

    @answering
    async def DrainNode(self, request: Any, context: Any) -> Any:
        key, name = request_id(request.request_id), node_name(request.name)
        await self._desk.once(key, lambda state, now: decide.drain(state, name, request.reason, now))
        return pb.DrainNodeResponse(node=to_message(await self._node(request.name)))

    @answering
    async def ResumeNode(self, request: Any, context: Any) -> Any:
        key, name = request_id(request.request_id), node_name(request.name)
        await self._desk.once(key, lambda state, now: decide.resume(state, name, now))
        return pb.ResumeNodeResponse(node=to_message(await self._node(request.name)))

    @answering
    async def ListCanaries(self, request: Any, context: Any) -> Any:
        watch = self._desk.canaries
        if watch is None:
            raise Conflict("canaries are not switched on: set enabled = true under [canary] in the controller's settings")
        if request.node:
            await self._node(request.node)
        found = [item for item in watch.listed() if request.node in ("", item.node)]
        return pb.ListCanariesResponse(nodes=[to_message(item) for item in found])

    async def _node(self, name: str) -> Node:
        await self._desk.loop.settled()
        node = self._desk.loop.state.nodes.get(node_name(name))
        if node is None:
            raise NotFound(f"there is no node {name!r}; `hpcsched nodes` lists those that are known")
        return node


def _brief(node: Node) -> Any:
    """Without figures, which would be most of a long list."""
    if not (node.certified or node.medians):
        return to_message(node)
    return to_message(replace(node, certified=tuple(replace(one, figures=()) for one in node.certified), medians=()))
