"""A worker's container: its works are carried out until it is not wanted any more."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

from hpcsched.agent.command_run import KILL_WAIT_S
from hpcsched.agent.freezer import Freezer, first_of
from hpcsched.agent.notes import Notes
from hpcsched.agent.reconcile import Stage
from hpcsched.agent.surroundings import Surroundings
from hpcsched.agent.wishes import Wishes
from hpcsched.agent.works import Works
from hpcsched.model.container import ContainerStatus, DesiredContainer, EndCause, Phase
from hpcsched.runtimes.base import ContainerRuntime, Supervisor


class WorksRun:
    def __init__(self, notes: Notes, wishes: Wishes, freezer: Freezer, runtime: ContainerRuntime, around: Surroundings) -> None:
        self._notes, self._wishes, self._freezer, self._runtime, self._around = notes, wishes, freezer, runtime, around
        self._works: Works | None = None

    def adjust(self, desired: DesiredContainer) -> None:
        if self._works:
            self._works.want(desired.works)

    def close(self) -> None:
        """The container has ended: nothing more comes of them here."""
        for work in self._wishes.desired.works:
            self._around.outputs.ended(work.job_id)

    async def run(self, supervisor: Supervisor) -> ContainerStatus:
        """Whatever they do, until it is not wanted any more."""
        desired, binding = self._notes.page.desired, self._notes.page.desired.container.binding
        if self._notes.page.stage is Stage.STARTING:
            self._notes.turn_to(Stage.SPAWNED, dataclasses.replace(self._notes.page.status, phase=Phase.RUNNING))
        name = self._notes.page.name
        works = Works(supervisor, desired, self._around, lambda: self._runtime.usage(name), self._notes.show_works)
        if self._wishes.desired.works:
            works.want(self._wishes.desired.works)
        self._works = works
        async with self._around.sampling.of(self._notes.page.status.observed, binding) as sampler:
            status = await self._watch(works, supervisor)
            return dataclasses.replace(status, sampled=await sampler.finish()) if sampler else status

    async def _watch(self, works: Works, supervisor: Supervisor) -> ContainerStatus:
        """Tasks that run give no news when the container is gone, so that is waited for too."""
        tasks = asyncio.create_task(works.run()), asyncio.create_task(supervisor.gone())
        running = asyncio.gather(*tasks)
        try:
            await self._freezer.until(running, timed=True)
            if running.done():
                running.result()
            cause = self._wishes.end_cause()
            return await self._end(works, running, cause)
        finally:
            self._works = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _end(self, works: Works, running: asyncio.Future[Any], cause: EndCause) -> ContainerStatus:
        """A worker that has done all that there was ends well."""
        await self._freezer.let_go_on()
        if cause is EndCause.STOPPED and not works.running:
            return self._notes.ended(EndCause.EXIT, 0)
        works.cancel(self._wishes.grace_s)
        idle = asyncio.create_task(works.idle())
        await first_of(idle, running, timeout_s=self._wishes.grace_s + KILL_WAIT_S)
        idle.cancel()
        return self._notes.ended(cause)
