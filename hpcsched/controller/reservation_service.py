"""ReservationService: nodes set aside for a time."""

from __future__ import annotations

from typing import Any

from hpcsched.controller.answers import answering, request_id
from hpcsched.controller.desk import Desk
from hpcsched.errors import InvalidValue
from hpcsched.model.reservation import Reservation, ReservationRequest
from hpcsched.state import reservations
from hpcsched.v1 import reservation_service_pb2 as pb
from hpcsched.v1 import reservation_service_pb2_grpc
from hpcsched.wire.convert import from_message, to_message


class ReservationService(reservation_service_pb2_grpc.ReservationServiceServicer):  # type: ignore[misc]
    """See proto/hpcsched/v1/reservation_service.proto for what each call promises."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @answering
    async def MakeReservation(self, request: Any, context: Any) -> Any:
        wanted = _request(request.wanted)
        await self._desk.once(request_id(request.request_id), lambda state, now: reservations.make(state, wanted, now))
        return pb.MakeReservationResponse(reservation=to_message(await self._find(wanted.name)))

    @answering
    async def ListReservations(self, request: Any, context: Any) -> Any:
        await self._desk.loop.settled()
        now = self._desk.loop.now()
        found = [reservations.present(item, now) for item in self._desk.loop.state.reservations.values()]
        found.sort(key=lambda item: (item.start, item.name))
        return pb.ListReservationsResponse(reservations=[to_message(item) for item in found])

    @answering
    async def GetReservation(self, request: Any, context: Any) -> Any:
        return pb.GetReservationResponse(reservation=to_message(await self._find(request.name)))

    @answering
    async def DeleteReservation(self, request: Any, context: Any) -> Any:
        await self._desk.once(request_id(request.request_id), lambda state, now: reservations.delete(state, request.name, now))
        return pb.DeleteReservationResponse()

    async def _find(self, name: str) -> Reservation:
        await self._desk.loop.settled()
        return reservations.present(reservations.find(self._desk.loop.state, name), self._desk.loop.now())


def _request(message: Any) -> ReservationRequest:
    if not message.name:
        raise InvalidValue("a reservation needs a name")
    return from_message(ReservationRequest, message)
