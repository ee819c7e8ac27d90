"""The gRPC channel to a controller, and calls on it that raise hpcsched's errors."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from hpcsched.config import DEFAULT_ADDRESS
from hpcsched.errors import HpcschedError, InvalidValue
from hpcsched.wire.status import error_of

MAX_MESSAGE = 64 << 20
"""Bytes of the largest message that either side accepts: a batch of 10,000 jobs fits."""

_RETRY_WAITS_S = (0.05, 0.2, 0.5)
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)


def target(address: str) -> str:
    """gRPC's name for `unix:///PATH` or `tcp://HOST:PORT`. Raises InvalidValue."""
    scheme, _, rest = address.partition("://")
    if scheme == "unix" and rest.startswith("/"):
        return f"unix:{rest}"
    host, _, port = rest.rpartition(":")
    if scheme == "tcp" and host and port.isdigit() and 0 < int(port) < 65536:
        return rest
    raise InvalidValue(f"bad address {address!r}: write unix:///PATH or tcp://HOST:PORT")


def default_address() -> str:
    """HPCSCHED_ADDRESS, or the well-known socket."""
    return os.environ.get("HPCSCHED_ADDRESS") or DEFAULT_ADDRESS


def open_channel(address: str) -> grpc.Channel:
    """An insecure channel; keys come where this makes the channel."""
    return grpc.insecure_channel(target(address), options=_OPTIONS)


@contextmanager
def raising(address: str) -> Iterator[None]:
    """Turn a gRPC failure inside into an error of the tree."""
    try:
        yield
    except grpc.RpcError as failure:
        raise error_of(failure, address) from None


def call(method: Callable[..., Any], request: Any, timeout_s: float | None, address: str) -> Any:
    """A unary call, tried again while the controller is away: every request is safe to send twice. Raises HpcschedError."""
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    for wait in (*_RETRY_WAITS_S, None):
        try:
            return method(request, timeout=_left(deadline))
        except grpc.RpcError as failure:
            error = error_of(failure, address)
            if wait is None or not _passing(failure, deadline, wait):
                raise error from None
            time.sleep(wait)
    raise HpcschedError("unreachable")


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.001, deadline - time.monotonic())


def _passing(failure: Any, deadline: float | None, wait: float) -> bool:
    enough = deadline is None or time.monotonic() + wait < deadline
    return bool(enough and failure.code() is grpc.StatusCode.UNAVAILABLE)
