"""One container's life on its node: start, check, run what it is for, end, remove."""

from __future__ import annotations

import asyncio
import dataclasses
import logging

from hpcsched.agent.book import Page
from hpcsched.agent.command_run import CommandRun
from hpcsched.agent.freezer import Freezer, first_of
from hpcsched.agent.notes import Notes
from hpcsched.agent.prepare import allowed_mounts
from hpcsched.agent.receipt import NOT_TRIED, check, unopened
from hpcsched.agent.reconcile import Stage
from hpcsched.agent.surroundings import Surroundings
from hpcsched.agent.wishes import Wishes
from hpcsched.agent.works_run import WorksRun
from hpcsched.errors import BindingMismatch, ContainerGone, HpcschedError, RuntimeFailure
from hpcsched.model.container import (
    ContainerSpec,
    ContainerStatus,
    DesiredContainer,
    EndCause,
    OpenedDevice,
    Phase,
    StepSpec,
)
from hpcsched.runtimes.base import ContainerRuntime

log = logging.getLogger(__name__)
REMOVE_RETRY_S = 1.0
REPORT_FIRST_S = 0.05
"""How long removal waits for the controller to note the end: someone waits for that, and removal keeps the disk busy."""


class Keeper:
    """Goes on from the page it is given, so that a restarted agent and a new job take the same path."""

    def __init__(self, page: Page, runtime: ContainerRuntime, around: Surroundings) -> None:
        self.runtime = runtime
        self.ended = asyncio.Event()
        self._around = around
        self._notes = Notes(page, runtime, around)
        self._wishes = Wishes(page.desired, bool(page.frozen_since))
        self._freezer = Freezer(self._notes, self._wishes, runtime, around)
        self._works = WorksRun(self._notes, self._wishes, self._freezer, runtime, around)
        self.give_command(page.desired.command)

    @property
    def page(self) -> Page:
        return self._notes.page

    @property
    def suspended(self) -> bool:
        return self._freezer.suspended

    def runs_for(self, job_id: int) -> bool:
        """It is that job's container, or that of its worker."""
        return job_id == self.page.status.job_id or any(work.job_id == job_id for work in self._wishes.desired.works)

    def adjust(self, desired: DesiredContainer) -> None:
        """What may change of a container that runs: its time limit, its works, whether it is frozen."""
        changed = dataclasses.replace(self.page.desired, time_limit_s=desired.time_limit_s)
        self._notes.page = dataclasses.replace(self.page, desired=changed)
        self._works.adjust(desired)
        self._wishes.adjust(desired)

    def give_command(self, command: StepSpec | None) -> None:
        """All parts of the job are up; the page holds it, for an agent that is restarted."""
        if command and not self._wishes.command.done():
            desired = dataclasses.replace(self.page.desired, command=command)
            self._notes.page = dataclasses.replace(self.page, desired=desired)
            self._wishes.command.set_result(command)

    def release(self) -> None:
        """The controller has noted the end."""
        self._wishes.release()

    def stop(self, cause: EndCause, grace_s: float | None = None) -> None:
        """End it; the first cause counts. `grace_s` instead of the job's own."""
        self._wishes.end(cause, grace_s)

    async def live(self) -> None:
        """Return when nothing of the container is left; its status is in the page all the while."""
        if self.page.stage in (Stage.STARTING, Stage.SPAWNED):
            self._notes.turn_to(Stage.ENDED, await self._outcome())
        self.ended.set()
        self._works.close()
        await first_of(self._wishes.released, timeout_s=REPORT_FIRST_S)
        await self._remove()

    async def _remove(self) -> None:
        while self.page.stage is not Stage.REMOVED:
            try:
                await self.runtime.remove(self.page.name)
                await asyncio.to_thread(self._around.tuner.restore, self.page.name)
                await self._around.health.check(self.page)
                self._notes.turn_to(Stage.REMOVED, self.page.status)
            except (RuntimeFailure, OSError) as error:
                log.warning("job %d: cannot remove its container, will try again: %s", self.page.status.job_id, error)
                await asyncio.sleep(REMOVE_RETRY_S)
            except Exception:
                log.exception(
                    "job %d: a bug of the agent met while its container is removed, will try again", self.page.status.job_id
                )
                await asyncio.sleep(REMOVE_RETRY_S)

    async def _outcome(self) -> ContainerStatus:
        try:
            await self._freezer.stay_frozen()
            if self.page.stage is Stage.STARTING:
                await self._start()
            return await self._run()
        except ContainerGone:
            return self._notes.ended(EndCause.LOST, message="the container was gone when the agent looked for it")
        except BindingMismatch as error:
            return self._notes.ended(EndCause.BINDING_MISMATCH, message=str(error))
        except HpcschedError as error:
            return self._notes.ended(EndCause.LAUNCH_FAILED, message=str(error))
        except OSError as error:
            return self._notes.ended(EndCause.LAUNCH_FAILED, message=f"{error.filename or 'the node'}: {error.strerror}")
        except Exception as error:
            log.exception("job %d: a bug of the agent", self.page.status.job_id)
            return self._notes.ended(EndCause.LAUNCH_FAILED, message=f"a bug of the agent ({type(error).__name__}), see its log")

    async def _start(self) -> None:
        self._around.book.write(self.page)
        spec = self.page.desired.container
        if not self.page.desired.is_worker:
            self._around.outputs.create(self.page.status.job_id, self.page.desired.stdout, bool(self.page.desired.restarts))
        spec = dataclasses.replace(spec, mounts=allowed_mounts(spec.mounts, self._around.mount_allow))
        spec = await asyncio.to_thread(self._around.outfitter.outfitted, spec, self.page.desired.runtime)
        tune = self._around.tuner.apply
        settings = await asyncio.to_thread(tune, spec.name, spec.tuning, spec.binding.cpus) if spec.tuning else ()
        await self.runtime.start(spec)
        seen, opened = self.runtime.observe(spec.name), await self._opened(spec)
        observed = dataclasses.replace(seen, tuning=settings, opened=opened, lacks=(*seen.lacks, *unopened(opened)))
        now, began = self._around.clock(), self._around.steady()
        status = dataclasses.replace(self.page.status, phase=Phase.RUNNING, observed=observed, start_time=now)
        self._notes.show(dataclasses.replace(self.page, status=status, began=began))
        check(spec, observed)

    async def _opened(self, spec: ContainerSpec) -> tuple[OpenedDevice, ...]:
        """The refused first: a driver that hangs when a granted one is opened makes no refused one look open."""
        nodes = (*spec.refused, *spec.devices)
        outcomes = await self.runtime.try_open(spec.name, nodes) if nodes else {}
        granted = {node.path for node in spec.devices}
        return tuple(OpenedDevice(node.path, node.path in granted, outcomes.get(node.path, NOT_TRIED)) for node in nodes)

    async def _run(self) -> ContainerStatus:
        supervisor = await self.runtime.connect(self.page.name)
        try:
            if self.page.desired.is_worker:
                return await self._works.run(supervisor)
            return await CommandRun(self._notes, self._wishes, self._freezer, self.runtime, self._around).run(supervisor)
        finally:
            await supervisor.close()
