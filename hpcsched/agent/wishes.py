"""What the controller wants of one container, as far as it is known."""

from __future__ import annotations

import asyncio

from hpcsched.model.container import DesiredContainer, EndCause, StepSpec


class Wishes:
    """`stop`, `released`, `command`, `adjusted`: done once that is so. `desired`: the latest; `frozen`: it is to stand still."""

    def __init__(self, desired: DesiredContainer, frozen: bool) -> None:
        loop = asyncio.get_running_loop()
        self.desired, self.frozen, self.grace_s = desired, frozen, desired.grace_s
        self.stop: asyncio.Future[EndCause] = loop.create_future()
        self.released: asyncio.Future[None] = loop.create_future()
        self.command: asyncio.Future[StepSpec] = loop.create_future()
        self.adjusted: asyncio.Future[None] = loop.create_future()

    def adjust(self, desired: DesiredContainer) -> None:
        self.desired, self.frozen = desired, desired.suspend
        if not self.stop.done():
            self.grace_s = desired.grace_s
        if not self.adjusted.done():
            self.adjusted.set_result(None)

    def look(self) -> None:
        """What is adjusted from now on makes `adjusted` done."""
        self.adjusted = asyncio.get_running_loop().create_future()

    def release(self) -> None:
        if not self.released.done():
            self.released.set_result(None)

    def end(self, cause: EndCause, grace_s: float | None = None) -> None:
        """The first cause counts."""
        if not self.stop.done():
            self.grace_s = self.grace_s if grace_s is None else grace_s
            self.stop.set_result(cause)

    def end_cause(self) -> EndCause:
        """Of what ends though it has not ended by itself."""
        return self.stop.result() if self.stop.done() else EndCause.TIMEOUT
