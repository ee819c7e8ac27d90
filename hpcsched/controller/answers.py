"""What all services share: errors to statuses, bounds on identifiers."""

from __future__ import annotations

import asyncio
import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

import grpc

from hpcsched.errors import DeadlineExceeded, HpcschedError, InvalidValue
from hpcsched.wire.status import code_of, metadata_of

_REQUEST_ID = re.compile(r"[!-~]{1,64}", re.ASCII)
_NODE_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?", re.ASCII)
MAX_LIST = 10_000
BRIEF_COMMAND = 1000
"""Characters of a command that a list shows whole; of a longer one it shows the first word."""
DEFAULT_LIST = 1000
FIRST_MESSAGE_TIMEOUT_S = 10.0


def answering(method: Callable[..., Any]) -> Callable[..., Any]:
    """A service method whose HpcschedErrors end the call with their status; for unary and streaming methods."""
    return _streaming(method) if inspect.isasyncgenfunction(method) else _unary(method)


def _unary(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def answered(self: Any, request: Any, context: grpc.aio.ServicerContext) -> Any:
        try:
            return await method(self, request, context)
        except HpcschedError as error:
            return await fail(context, error)

    return answered


def _streaming(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def answered(self: Any, request: Any, context: grpc.aio.ServicerContext) -> Any:
        try:
            async for response in method(self, request, context):
                yield response
        except HpcschedError as error:
            await fail(context, error)

    return answered


async def first_message(requests: Any, kind: str) -> Any:
    """The first message of a stream, which must be of that `kind` of its oneof. Raises InvalidValue, DeadlineExceeded."""
    try:
        async with asyncio.timeout(FIRST_MESSAGE_TIMEOUT_S):
            async for request in requests:
                if request.WhichOneof("message") == kind:
                    return getattr(request, kind)
                break
    except TimeoutError:
        raise DeadlineExceeded(f"no message came within {FIRST_MESSAGE_TIMEOUT_S:g} s of opening the stream") from None
    raise InvalidValue(f"the first message of this stream must be `{kind}`")


async def fail(context: grpc.aio.ServicerContext, error: HpcschedError) -> None:
    """End the call with the error's status and its words on one line."""
    await context.abort(code_of(error), error.line, metadata_of(error))


def request_id(text: str) -> str:
    """Raises InvalidValue on what no caller should choose."""
    if not _REQUEST_ID.fullmatch(text):
        raise InvalidValue(f"bad request_id {text[:70]!r}: give 1 to 64 printable ASCII characters without spaces, best a UUID")
    return text


def node_name(text: str) -> str:
    """Raises InvalidValue on what is not a host name."""
    if not _NODE_NAME.fullmatch(text):
        raise InvalidValue(f"bad node name {text[:70]!r}: letters, digits, '.', '_' and '-', 1 to 64 characters")
    return text


def brief(job: Any, ended: bool = False) -> Any:
    """The job's message as a list shows it: what may be large is left to GetJob. Of an ended array its nodes are shown."""
    for field in ("script", "env"):
        job.spec.ClearField(field)
    if sum(map(len, job.spec.command)) > BRIEF_COMMAND:
        del job.spec.command[1:]
    for part in job.parts:
        part.observed.ClearField("devices")
    if job.HasField("array"):
        for field in ("ok", "follows") if ended else ("ok", "nodes", "follows"):
            job.array.ClearField(field)
    return job


def limit(number: int) -> int:
    """How many items a list may hold: 0 is the default. Raises InvalidValue above 10,000."""
    if number > MAX_LIST:
        raise InvalidValue(f"limit {number} is above the largest, {MAX_LIST}")
    return number or DEFAULT_LIST
