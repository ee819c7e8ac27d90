"""SiteService: partitions, QOS and shares, as users see them."""

from __future__ import annotations

from typing import Any

from hpcsched.controller.answers import answering
from hpcsched.controller.desk import Desk
from hpcsched.state import site_uses
from hpcsched.v1 import site_service_pb2 as pb
from hpcsched.v1 import site_service_pb2_grpc
from hpcsched.wire.convert import to_message


class SiteService(site_service_pb2_grpc.SiteServiceServicer):  # type: ignore[misc]
    """See proto/hpcsched/v1/site_service.proto for what each call promises."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @answering
    async def ListPartitions(self, request: Any, context: Any) -> Any:
        await self._desk.loop.settled()
        found = site_uses.partition_uses(self._desk.loop.state)
        return pb.ListPartitionsResponse(partitions=[to_message(item) for item in found])

    @answering
    async def ListQos(self, request: Any, context: Any) -> Any:
        await self._desk.loop.settled()
        found = site_uses.qos_uses(self._desk.loop.state, self._desk.loop.now())
        return pb.ListQosResponse(qos=[to_message(item) for item in found])

    @answering
    async def ListShares(self, request: Any, context: Any) -> Any:
        await self._desk.loop.settled()
        found = site_uses.shares(self._desk.loop.state, self._desk.loop.now())
        return pb.ListSharesResponse(shares=[to_message(item) for item in found])
