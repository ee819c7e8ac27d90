"""One container's life on its node: start, check, run the command, end, remove."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

from hpcsched.agent.book import Page
from hpcsched.agent.prepare import allowed_mounts
from hpcsched.agent.receipt import NOT_TRIED, check, check_tasks, unopened
from hpcsched.agent.reconcile import Stage
from hpcsched.agent.surroundings import Surroundings
from hpcsched.agent.tasks import Ending, Env, Tasks, steps_of
from hpcsched.agent.works import Works
from hpcsched.errors import BindingMismatch, ContainerGone, DeviceFailure, HpcschedError, RuntimeFailure
from hpcsched.model.allocation import TaskBinding
from hpcsched.model.container import (
    ContainerSpec,
    ContainerStatus,
    DesiredContainer,
    EndCause,
    OpenedDevice,
    Phase,
    StepSpec,
    Usage,
    WorkStatus,
)
from hpcsched.runtimes.base import ContainerRuntime, Supervisor

log = logging.getLogger(__name__)
REMOVE_RETRY_S = 1.0
REPORT_FIRST_S = 0.05
"""How long removal waits for the controller to note the end: someone waits for that, and removal keeps the disk busy."""
KILL_WAIT_S = 10.0


class Keeper:
    """Goes on from the page it is given, so that a restarted agent and a new job take the same path."""

    def __init__(self, page: Page, runtime: ContainerRuntime, around: Surroundings) -> None:
        self.page = page
        self.runtime = runtime
        self.ended = asyncio.Event()
        self._around = around
        self._stop: asyncio.Future[EndCause] = asyncio.get_running_loop().create_future()
        self._released: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._command: asyncio.Future[StepSpec] = asyncio.get_running_loop().create_future()
        self._grace_s = page.desired.grace_s
        self._wanted = page.desired
        self._frozen = bool(page.frozen_since)
        self._adjusted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._works: Works | None = None
        self.give_command(page.desired.command)

    @property
    def suspended(self) -> bool:
        return bool(self.page.frozen_since)

    def runs_for(self, job_id: int) -> bool:
        """It is that job's container, or that of its worker."""
        return job_id == self.page.status.job_id or any(work.job_id == job_id for work in self._wanted.works)

    def adjust(self, desired: DesiredContainer) -> None:
        """What may change of a container that runs: its time limit, its works, whether it is frozen."""
        self._wanted, self._frozen = desired, desired.suspend
        changed = dataclasses.replace(self.page.desired, time_limit_s=desired.time_limit_s)
        self.page = dataclasses.replace(self.page, desired=changed)
        if self._works:
            self._works.want(desired.works)
        if not self._adjusted.done():
            self._adjusted.set_result(None)

    def give_command(self, command: StepSpec | None) -> None:
        """All parts of the job are up; the page holds it, for an agent that is restarted."""
        if command and not self._command.done():
            self.page = dataclasses.replace(self.page, desired=dataclasses.replace(self.page.desired, command=command))
            self._command.set_result(command)

    def release(self) -> None:
        """The controller has noted the end."""
        if not self._released.done():
            self._released.set_result(None)

    def stop(self, cause: EndCause, grace_s: float | None = None) -> None:
        """End it; the first cause counts. `grace_s` instead of the job's own."""
        if not self._stop.done():
            self._grace_s = self._grace_s if grace_s is None else grace_s
            self._stop.set_result(cause)

    async def live(self) -> None:
        """Return when nothing of the container is left; its status is in the page all the while."""
        if self.page.stage in (Stage.STARTING, Stage.SPAWNED):
            self._turn_to(Stage.ENDED, await self._outcome())
        self.ended.set()
        await _first_of(self._released, timeout_s=REPORT_FIRST_S)
        await self._remove()

    async def _remove(self) -> None:
        while self.page.stage is not Stage.REMOVED:
            try:
                await self.runtime.remove(self.page.name)
                await asyncio.to_thread(self._around.tuner.restore, self.page.name)
                await self._around.health.check(self.page)
                self._turn_to(Stage.REMOVED, self.page.status)
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
            await self._stay_frozen()
            if self.page.stage is Stage.STARTING:
                await self._start()
            return await self._run()
        except ContainerGone:
            return self._status(EndCause.LOST, message="the container was gone when the agent looked for it")
        except BindingMismatch as error:
            return self._status(EndCause.BINDING_MISMATCH, message=str(error))
        except HpcschedError as error:
            return self._status(EndCause.LAUNCH_FAILED, message=str(error))
        except OSError as error:
            return self._status(EndCause.LAUNCH_FAILED, message=f"{error.filename or 'the node'}: {error.strerror}")
        except Exception as error:
            log.exception("job %d: a bug of the agent", self.page.status.job_id)
            return self._status(EndCause.LAUNCH_FAILED, message=f"a bug of the agent ({type(error).__name__}), see its log")

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
        now = self._around.clock()
        status = dataclasses.replace(self.page.status, phase=Phase.RUNNING, observed=observed, start_time=now)
        self._show(dataclasses.replace(self.page, status=status))
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
                return await self._run_works(supervisor)
            if self.page.stage is Stage.STARTING:
                await self._until(self._command)
                if self._stop.done():
                    return self._status(self._stop.result())
            slow = bool(self.page.desired.container.binding.gpus)
            tasks = await asyncio.to_thread(self._tasks, supervisor) if slow else self._tasks(supervisor)
            return await self._run_tasks(tasks)
        finally:
            await supervisor.close()

    async def _run_tasks(self, tasks: Tasks) -> ContainerStatus:
        binding = self.page.desired.container.binding
        async with self._around.sampling.of(self.page.status.observed, binding) as sampler:
            if await self._spawn(tasks):
                check_tasks(binding, tasks.observed())
            status = await self._watch(tasks)
            return dataclasses.replace(status, sampled=await sampler.finish()) if sampler else status

    def _tasks(self, supervisor: Supervisor) -> Tasks:
        """A command that may run already does not end because its devices have gone since; it is only not started any more."""
        first = self.page.desired.first_task
        devices = partial(self._around.outfitter.task_env, self.page.desired.container.binding, runtime=self.page.desired.runtime)
        try:
            return Tasks(supervisor, self._steps(devices), first)
        except DeviceFailure:
            if self.page.stage is not Stage.SPAWNED:
                raise
            return Tasks(supervisor, self._steps(lambda task: ()), first, started=True)

    def _steps(self, devices: Callable[[TaskBinding], Env]) -> tuple[StepSpec, ...]:
        return steps_of(self.page.desired, self._command.result(), self._around.topology, devices)

    async def _spawn(self, tasks: Tasks) -> bool:
        """Noted before it is done: a restarted agent asks for the same steps again, which the supervisor starts only once."""
        output = self._around.outputs.append(self.page.status.job_id)
        try:
            self._turn_to(Stage.SPAWNED, dataclasses.replace(self.page.status, phase=Phase.RUNNING))
            return await tasks.spawn(output)
        finally:
            os.close(output)
            self._show_tasks(tasks)

    def _show_tasks(self, tasks: Tasks) -> None:
        observed, seen = self.page.status.observed, tasks.observed()
        if observed and seen:
            status = dataclasses.replace(self.page.status, observed=dataclasses.replace(observed, tasks=seen))
            self._show(dataclasses.replace(self.page, status=status))

    async def _watch(self, tasks: Tasks) -> ContainerStatus:
        waiting = asyncio.create_task(tasks.wait())
        try:
            await self._until(waiting, timed=True)
            if waiting.done():
                return self._exit_status(waiting.result())
            cause = self._stop.result() if self._stop.done() else EndCause.TIMEOUT
            return await self._terminate(waiting, cause)
        finally:
            waiting.cancel()

    async def _run_works(self, supervisor: Supervisor) -> ContainerStatus:
        """Whatever they do, until it is not wanted any more."""
        desired, binding = self.page.desired, self.page.desired.container.binding
        if self.page.stage is Stage.STARTING:
            self._turn_to(Stage.SPAWNED, dataclasses.replace(self.page.status, phase=Phase.RUNNING))
        works = Works(supervisor, desired, self._around, lambda: self.runtime.usage(self.page.name), self._show_works)
        if self._wanted.works:
            works.want(self._wanted.works)
        self._works = works
        async with self._around.sampling.of(self.page.status.observed, binding) as sampler:
            status = await self._watch_works(works)
            return dataclasses.replace(status, sampled=await sampler.finish()) if sampler else status

    async def _watch_works(self, works: Works) -> ContainerStatus:
        running = asyncio.create_task(works.run())
        try:
            await self._until(running, timed=True)
            if running.done():
                running.result()
            cause = self._stop.result() if self._stop.done() else EndCause.TIMEOUT
            return await self._end_works(works, running, cause)
        finally:
            self._works = None
            running.cancel()

    async def _end_works(self, works: Works, running: asyncio.Task[None], cause: EndCause) -> ContainerStatus:
        """A worker that has done all that there was ends well."""
        await self._let_go_on()
        if cause is EndCause.STOPPED and not works.running:
            return self._status(EndCause.EXIT, 0)
        works.cancel(self._grace_s)
        idle = asyncio.create_task(works.idle())
        await _first_of(idle, running, timeout_s=self._grace_s + KILL_WAIT_S)
        idle.cancel()
        return self._status(cause)

    def _show_works(self, statuses: tuple[WorkStatus, ...]) -> None:
        self._show(dataclasses.replace(self.page, status=dataclasses.replace(self.page.status, works=statuses)))

    async def _until(self, done: asyncio.Future[Any], timed: bool = False) -> None:
        """That is done, it is to end or, if `timed`, its time is up; what else is wanted of it meanwhile is done."""
        while not (done.done() or self._stop.done() or (timed and self._left_s() == 0)):
            self._adjusted = asyncio.get_running_loop().create_future()
            await self._freeze_or_thaw()
            await _first_of(done, self._stop, self._adjusted, timeout_s=self._left_s() if timed else None)

    async def _stay_frozen(self) -> None:
        """An agent that was restarted meanwhile can ask a frozen container nothing."""
        while self.suspended and not self._stop.done():
            self._adjusted = asyncio.get_running_loop().create_future()
            await self._freeze_or_thaw()
            if self.suspended:
                await _first_of(self._stop, self._adjusted)
        await self._let_go_on()

    async def _freeze_or_thaw(self) -> None:
        try:
            if self._frozen and not self.suspended:
                await self._freeze()
            elif not self._frozen:
                await self._let_go_on()
        except RuntimeFailure as error:
            log.warning("job %d: %s", self.page.status.job_id, error)

    async def _freeze(self) -> None:
        """Noted first: what is frozen and not known to be would seem lost to a restarted agent."""
        before, status = self.page, dataclasses.replace(self.page.status, suspended=True)
        self._note(dataclasses.replace(before, frozen_since=self._around.clock(), status=status))
        try:
            await self.runtime.freeze(self.page.name, True)
        except RuntimeFailure:
            self._note(before)
            raise
        self._around.changed()

    async def _let_go_on(self) -> None:
        if self.suspended:
            await self.runtime.freeze(self.page.name, False)
            stood_s = max(0.0, self._around.clock() - self.page.frozen_since)
            status = dataclasses.replace(self.page.status, suspended=False)
            self._note(dataclasses.replace(self.page, frozen_since=0.0, frozen_s=self.page.frozen_s + stood_s, status=status))
            self._around.changed()

    def _note(self, page: Page) -> None:
        """Without what works are doing, which the supervisor knows better. Raises RuntimeFailure."""
        self._around.book.write(dataclasses.replace(page, status=dataclasses.replace(page.status, works=())))
        self.page = page

    def _left_s(self) -> float | None:
        limit = self.page.desired.time_limit_s
        if not limit or self.suspended:
            return None
        return max(0.0, self.page.status.start_time + self.page.frozen_s + limit - self._around.clock())

    async def _terminate(self, waiting: asyncio.Task[Ending], cause: EndCause) -> ContainerStatus:
        """SIGTERM, grace, SIGKILL."""
        await self._let_go_on()
        await self.runtime.signal(self.page.name, signal.SIGTERM)
        for number, wait_s in ((None, self._grace_s), (signal.SIGKILL, KILL_WAIT_S)):
            if number:
                await self.runtime.signal(self.page.name, number)
            await asyncio.wait({waiting}, timeout=wait_s)
            if waiting.done():
                ended = waiting.result()
                return self._status(cause, ended.exit_code, ended.signal)
        return self._status(cause, message=f"did not end within {KILL_WAIT_S:g} s of SIGKILL")

    def _exit_status(self, ended: Ending) -> ContainerStatus:
        if ended.failure:
            return self._status(EndCause.LAUNCH_FAILED, ended.exit_code, message=ended.failure)
        status = self._status(EndCause.SIGNAL if ended.signal else EndCause.EXIT, ended.exit_code, ended.signal, ended.message)
        if status.usage.oom_kills and ended.exit_code != 0:
            return dataclasses.replace(status, cause=EndCause.OUT_OF_MEMORY, message=_oom_message(status.usage))
        return status

    def _status(
        self, cause: EndCause, exit_code: int | None = None, number: int | None = None, message: str = ""
    ) -> ContainerStatus:
        return dataclasses.replace(
            self.page.status,
            phase=Phase.EXITED,
            cause=cause,
            exit_code=exit_code,
            signal=number,
            message=message,
            usage=self.runtime.usage(self.page.name),
            end_time=self._around.clock(),
        )

    def _turn_to(self, stage: Stage, status: ContainerStatus) -> None:
        """Noted, so that a restarted agent goes on from here.

        Raises RuntimeFailure when that cannot be, before anything that must not happen twice; an end is reported all the same.
        """
        page = dataclasses.replace(self.page, stage=stage, status=status)
        try:
            self._around.book.write(page)
        except RuntimeFailure as error:
            if stage in (Stage.STARTING, Stage.SPAWNED):
                raise
            log.warning("job %d: %s", status.job_id, error)
        self._show(page)

    def _show(self, page: Page) -> None:
        """Reported; without a note, where a restarted agent finds it out again."""
        self.page = page
        self._around.changed()


def _oom_message(usage: Usage) -> str:
    return f"the kernel killed {usage.oom_kills} of its processes at the memory limit; ask for more with --mem-per-node"


async def _first_of(*futures: asyncio.Future[Any], timeout_s: float | None = None) -> None:
    await asyncio.wait(futures, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
