"""AccountingService: what ended jobs used."""

from __future__ import annotations

from typing import Any

from hpcsched.controller.answers import answering, brief, limit
from hpcsched.controller.desk import Desk
from hpcsched.errors import InvalidValue
from hpcsched.v1 import accounting_service_pb2 as pb
from hpcsched.v1 import accounting_service_pb2_grpc
from hpcsched.wire.convert import to_message


class AccountingService(accounting_service_pb2_grpc.AccountingServiceServicer):  # type: ignore[misc]
    """See proto/hpcsched/v1/accounting_service.proto for what each call promises."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @answering
    async def ListRecords(self, request: Any, context: Any) -> Any:
        if request.before_job_id >= 1 << 63:
            raise InvalidValue(f"before_job_id {request.before_job_id} is no job id")
        records = await self._desk.records(limit(request.limit), request.before_job_id)
        messages = [to_message(record) for record in records]
        for message in messages:
            brief(message.job, ended=True)
        return pb.ListRecordsResponse(records=messages)
