"""One connection to a container's supervisor: bytes and descriptors, no meaning.

Socket paths are reached through the folder's descriptor, because AF_UNIX takes no more than 108 bytes (unix(7)).
"""

from __future__ import annotations

import array
import asyncio
import os
import socket
import struct
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hpcsched.errors import ContainerGone, RuntimeFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FDS = 3
_CREDENTIALS = struct.Struct("iII")


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name for `path` that is short enough for a socket address."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listen(path: Path) -> socket.socket:
    """A listening socket at `path`, mode 0600; one that is there already is replaced."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_path(path) as address:
        listener.bind(address)
    path.chmod(0o600)
    listener.listen(64)
    return listener


def dial(path: Path) -> socket.socket:
    """A nonblocking connection. Raises ContainerGone when nobody listens there."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.setblocking(False)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    try:
        with short_path(path) as address:
            client.connect(address)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        client.close()
        raise ContainerGone(f"container {path.parent.name} does not run") from None
    except BlockingIOError:
        client.close()
        raise RuntimeFailure(f"container {path.parent.name} has too many connections waiting; try again") from None
    return client


class Connection:
    """`received` gets each chunk with the descriptors and the sender's pid (as we see it) that came along; `ended`, the end."""

    def __init__(
        self, client: socket.socket, received: Callable[[bytes, list[int], int], None], ended: Callable[[], None]
    ) -> None:
        self._socket, self._received, self._ended = client, received, ended
        self._loop = asyncio.get_running_loop()
        self._sending = asyncio.Lock()
        self._loop.add_reader(client, self._readable)

    def _readable(self) -> None:
        try:
            data, ancillary, _flags, _address = self._socket.recvmsg(4096, socket.CMSG_SPACE(MAX_FDS * 4) + socket.CMSG_SPACE(12))
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        fds, pid = _descriptors(ancillary), _sender(ancillary)
        if data:
            self._received(data, fds, pid)
        else:
            self.close()
            self._ended()

    async def send(self, frame: bytes, fd: int = -1) -> None:
        """Raises ContainerGone."""
        async with self._sending:
            try:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd >= 0 else []
                sent = await self._first(frame, rights)
                if sent < len(frame):
                    await self._loop.sock_sendall(self._socket, memoryview(frame)[sent:])
            except OSError:
                raise ContainerGone("the container ended while it was spoken to") from None

    async def _first(self, frame: bytes, rights: list[tuple[int, int, array.array[int]]]) -> int:
        while True:
            try:
                return self._socket.sendmsg([frame], rights, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                await self._writable()

    async def _writable(self) -> None:
        ready = self._loop.create_future()
        self._loop.add_writer(self._socket, _settle, ready)
        try:
            await ready
        finally:
            self._loop.remove_writer(self._socket)

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    fds: list[int] = []
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers = array.array("i")
            numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
            fds.extend(numbers)
    for fd in fds:
        os.set_inheritable(fd, False)
    return fds


def _sender(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS and len(data) == _CREDENTIALS.size:
            return int(_CREDENTIALS.unpack(data)[0])
    return 0
