"""What every subcommand is handed: the address, and the way to a client."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpcsched.config import DEFAULT_ADDRESS

if TYPE_CHECKING:
    from hpcsched.client.client import Client

ADDRESS_VARIABLE = "HPCSCHED_ADDRESS"


def dial(address: str) -> Client:
    """A client of the controller at `address`; imports grpc (70 ms), so only once a subcommand needs it."""
    from hpcsched.client.client import Client

    return Client(address)


@dataclass(frozen=True, slots=True)
class Context:
    """`connect` and `now` (Unix seconds) are here so that a test can put others in their place."""

    address: str = ""
    verbose: bool = False
    connect: Callable[[str], Client] = dial
    now: Callable[[], float] = time.time

    @property
    def resolved_address(self) -> str:
        """--address, or else HPCSCHED_ADDRESS, or else the default."""
        return self.address or os.environ.get(ADDRESS_VARIABLE, "") or DEFAULT_ADDRESS

    @contextmanager
    def client(self) -> Iterator[Client]:
        with self.connect(self.resolved_address) as client:
            yield client
