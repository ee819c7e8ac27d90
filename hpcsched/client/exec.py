"""One running `exec` or `shell`: what goes in, what comes out, how it ended."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Any

from hpcsched.client.channel import raising
from hpcsched.errors import HpcschedError
from hpcsched.model.container import StepExit
from hpcsched.v1 import job_service_pb2
from hpcsched.wire.convert import from_message

CHUNK = 32 << 10
"""Bytes of input in one message."""
QUEUED_MESSAGES = 64
"""Messages of input that wait to be sent; `send` blocks beyond that."""


class ExecSession:
    """Iterate for (`stdout` or `stderr`, bytes); `exit` is set when that ends.

    `send`, `resize` and `signal` may come from another thread.
    """

    def __init__(self, outbox: queue.Queue[Any], responses: Any, address: str) -> None:
        self._outbox, self._responses, self._address = outbox, responses, address
        self.exit: StepExit | None = None

    def send(self, data: bytes) -> None:
        for start in range(0, len(data), CHUNK):
            self._put(job_service_pb2.ExecStepRequest(stdin=data[start : start + CHUNK]))

    def close_stdin(self) -> None:
        self._put(job_service_pb2.ExecStepRequest(stdin_closed=True))

    def resize(self, rows: int, columns: int) -> None:
        self._put(job_service_pb2.ExecStepRequest(window=job_service_pb2.WindowSize(rows=rows, columns=columns)))

    def signal(self, number: int) -> None:
        """Signal the step's process group; numbers as in signal(7)."""
        self._put(job_service_pb2.ExecStepRequest(signal=number))

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Raises HpcschedError when the controller or the node goes away before the step has ended."""
        with raising(self._address):
            for response in self._responses:
                kind = response.WhichOneof("message")
                if kind == "exit":
                    self.exit = from_message(StepExit, response.exit)
                elif kind:
                    yield kind, bytes(getattr(response, kind))
        self._end_input()
        if self.exit is None:
            raise HpcschedError("the step's stream ended before the step did")

    def close(self) -> None:
        """Leave; the step's terminal or pipes are closed, it gets SIGHUP."""
        self._responses.cancel()
        self._end_input()

    def _end_input(self) -> None:
        """Lets the thread that feeds the stream go, whatever still waits to be sent."""
        while True:
            try:
                return self._outbox.put_nowait(None)
            except queue.Full:
                self._outbox.get_nowait()

    def _put(self, message: Any) -> None:
        while self.exit is None and self._responses.is_active():
            try:
                return self._outbox.put(message, timeout=0.2)
            except queue.Full:
                continue
        return None


def begin(method: Callable[..., Any], start: Any, address: str) -> ExecSession:
    """Open the stream with its first message."""
    outbox: queue.Queue[Any] = queue.Queue(QUEUED_MESSAGES)
    outbox.put(job_service_pb2.ExecStepRequest(start=start))
    return ExecSession(outbox, method(iter(outbox.get, None)), address)
