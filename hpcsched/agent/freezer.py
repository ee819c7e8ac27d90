"""A container that stands still and goes on, and the time that is left to it."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from typing import Any

from hpcsched.agent.notes import Notes
from hpcsched.agent.surroundings import Surroundings
from hpcsched.agent.wishes import Wishes
from hpcsched.errors import RuntimeFailure
from hpcsched.runtimes.base import ContainerRuntime

log = logging.getLogger(__name__)


class Freezer:
    def __init__(self, notes: Notes, wishes: Wishes, runtime: ContainerRuntime, around: Surroundings) -> None:
        self._notes, self._wishes, self._runtime, self._around = notes, wishes, runtime, around

    @property
    def suspended(self) -> bool:
        return bool(self._notes.page.frozen_since)

    async def until(self, done: asyncio.Future[Any], timed: bool = False) -> None:
        """That is done, it is to end or, if `timed`, its time is up; what else is wanted of it meanwhile is done."""
        while not (done.done() or self._wishes.stop.done() or (timed and self._left_s() == 0)):
            self._wishes.look()
            await self._freeze_or_thaw()
            await first_of(done, self._wishes.stop, self._wishes.adjusted, timeout_s=self._left_s() if timed else None)

    async def stay_frozen(self) -> None:
        """An agent that was restarted meanwhile can ask a frozen container nothing."""
        while self.suspended and not self._wishes.stop.done():
            self._wishes.look()
            await self._freeze_or_thaw()
            if self.suspended:
                await first_of(self._wishes.stop, self._wishes.adjusted)
        await self.let_go_on()

    async def let_go_on(self) -> None:
        if self.suspended:
            await self._runtime.freeze(self._notes.page.name, False)
            stood_s = max(0.0, self._around.steady() - self._notes.page.frozen_since)
            status = dataclasses.replace(self._notes.page.status, suspended=False)
            frozen_s = self._notes.page.frozen_s + stood_s
            self._notes.note(dataclasses.replace(self._notes.page, frozen_since=0.0, frozen_s=frozen_s, status=status))
            self._around.changed()

    async def _freeze_or_thaw(self) -> None:
        try:
            if self._wishes.frozen and not self.suspended:
                await self._freeze()
            elif not self._wishes.frozen:
                await self.let_go_on()
        except RuntimeFailure as error:
            log.warning("job %d: %s", self._notes.page.status.job_id, error)

    async def _freeze(self) -> None:
        """Noted first: what is frozen and not known to be would seem lost to a restarted agent."""
        before, status = self._notes.page, dataclasses.replace(self._notes.page.status, suspended=True)
        self._notes.note(dataclasses.replace(before, frozen_since=self._around.steady(), status=status))
        try:
            await self._runtime.freeze(self._notes.page.name, True)
        except RuntimeFailure:
            self._notes.note(before)
            raise
        self._around.changed()

    def _left_s(self) -> float | None:
        """By a clock that nobody sets: whatever the time of day is said to be, a job has what it was given."""
        limit = self._notes.page.desired.time_limit_s
        if not limit or self.suspended:
            return None
        return max(0.0, self._notes.page.began + self._notes.page.frozen_s + limit - self._around.steady())


async def first_of(*futures: asyncio.Future[Any], timeout_s: float | None = None) -> None:
    await asyncio.wait(futures, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
