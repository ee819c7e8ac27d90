"""The command of a job in its container: spawned, watched, ended."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
from collections.abc import Callable
from functools import partial

from hpcsched.agent.freezer import Freezer
from hpcsched.agent.notes import Notes
from hpcsched.agent.receipt import check_tasks
from hpcsched.agent.reconcile import Stage
from hpcsched.agent.surroundings import Surroundings
from hpcsched.agent.tasks import Ending, Env, Tasks, steps_of
from hpcsched.agent.wishes import Wishes
from hpcsched.errors import DeviceFailure
from hpcsched.model.allocation import TaskBinding
from hpcsched.model.container import ContainerStatus, EndCause, Phase, StepSpec
from hpcsched.runtimes.base import ContainerRuntime, Supervisor

KILL_WAIT_S = 10.0


class CommandRun:
    def __init__(self, notes: Notes, wishes: Wishes, freezer: Freezer, runtime: ContainerRuntime, around: Surroundings) -> None:
        self._notes, self._wishes, self._freezer, self._runtime, self._around = notes, wishes, freezer, runtime, around

    async def run(self, supervisor: Supervisor) -> ContainerStatus:
        """Once it is given, until it has ended."""
        if self._notes.page.stage is Stage.STARTING:
            await self._freezer.until(self._wishes.command)
            if self._wishes.stop.done():
                return self._notes.ended(self._wishes.stop.result())
        slow = bool(self._notes.page.desired.container.binding.gpus)
        tasks = await asyncio.to_thread(self._tasks, supervisor) if slow else self._tasks(supervisor)
        return await self._run_tasks(tasks)

    async def _run_tasks(self, tasks: Tasks) -> ContainerStatus:
        binding = self._notes.page.desired.container.binding
        async with self._around.sampling.of(self._notes.page.status.observed, binding) as sampler:
            if await self._spawn(tasks):
                check_tasks(binding, tasks.observed())
            status = await self._watch(tasks)
            return dataclasses.replace(status, sampled=await sampler.finish()) if sampler else status

    def _tasks(self, supervisor: Supervisor) -> Tasks:
        """A command that may run already does not end because its devices have gone since; it is only not started any more."""
        desired = self._notes.page.desired
        devices = partial(self._around.outfitter.task_env, desired.container.binding, runtime=desired.runtime)
        try:
            return Tasks(supervisor, self._steps(devices), desired.first_task)
        except DeviceFailure:
            if self._notes.page.stage is not Stage.SPAWNED:
                raise
            return Tasks(supervisor, self._steps(lambda task: ()), desired.first_task, started=True)

    def _steps(self, devices: Callable[[TaskBinding], Env]) -> tuple[StepSpec, ...]:
        return steps_of(self._notes.page.desired, self._wishes.command.result(), self._around.topology, devices)

    async def _spawn(self, tasks: Tasks) -> bool:
        """Noted before it is done: a restarted agent asks for the same steps again, which the supervisor starts only once."""
        output = self._around.outputs.append(self._notes.page.status.job_id)
        try:
            self._notes.turn_to(Stage.SPAWNED, dataclasses.replace(self._notes.page.status, phase=Phase.RUNNING))
            return await tasks.spawn(output)
        finally:
            os.close(output)
            self._show_tasks(tasks)

    def _show_tasks(self, tasks: Tasks) -> None:
        observed, seen = self._notes.page.status.observed, tasks.observed()
        if observed and seen:
            status = dataclasses.replace(self._notes.page.status, observed=dataclasses.replace(observed, tasks=seen))
            self._notes.show(dataclasses.replace(self._notes.page, status=status))

    async def _watch(self, tasks: Tasks) -> ContainerStatus:
        waiting = asyncio.create_task(tasks.wait())
        try:
            await self._freezer.until(waiting, timed=True)
            if waiting.done():
                return self._notes.exit_status(waiting.result())
            cause = self._wishes.end_cause()
            return await self._terminate(waiting, cause)
        finally:
            waiting.cancel()

    async def _terminate(self, waiting: asyncio.Task[Ending], cause: EndCause) -> ContainerStatus:
        """SIGTERM, grace, SIGKILL."""
        await self._freezer.let_go_on()
        await self._runtime.signal(self._notes.page.name, signal.SIGTERM)
        for number, wait_s in ((None, self._wishes.grace_s), (signal.SIGKILL, KILL_WAIT_S)):
            if number:
                await self._runtime.signal(self._notes.page.name, number)
            await asyncio.wait({waiting}, timeout=wait_s)
            if waiting.done():
                ended = waiting.result()
                return self._notes.ended(cause, ended.exit_code, ended.signal)
        return self._notes.ended(cause, message=f"did not end within {KILL_WAIT_S:g} s of SIGKILL")
