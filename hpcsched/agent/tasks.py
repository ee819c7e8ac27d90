"""A job's command on its node as steps: once, or once for each of its tasks (steps 0, 1, …)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hpcsched.errors import ContainerGone, RuntimeFailure
from hpcsched.model.allocation import TaskBinding
from hpcsched.model.container import DesiredContainer, ObservedTask, StepExit, StepSpec
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Topology
from hpcsched.runtimes.base import Supervisor

MAX_TASKS = 1 << 16
"""Step ids below it are the tasks' own."""
Env = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Ending:
    """How the command ended: as the worst of its tasks; a signal counts as 128 more than its number (POSIX, 2.8.2).

    `message` names the task that failed first. With `failure` one could not be started, and others may still run.
    """

    exit_code: int | None = None
    signal: int | None = None
    failure: str = ""
    message: str = ""


def steps_of(
    desired: DesiredContainer, command: StepSpec, topology: Topology, device_env: Callable[[TaskBinding], Env]
) -> tuple[StepSpec, ...]:
    """The command itself for a job without tasks. Raises what `device_env` raises."""
    tasks = enumerate(desired.container.binding.tasks)
    steps = tuple(_task_step(desired, command, number, task, topology, device_env(task)) for number, task in tasks)
    return steps or (command,)


def _task_step(
    desired: DesiredContainer, command: StepSpec, number: int, task: TaskBinding, topology: Topology, devices: Env
) -> StepSpec:
    """The job's own variables win over the threads', and ours over the job's."""
    sharers = sum(other.cpus == task.cpus for other in desired.container.binding.tasks)
    env = {
        **dict(threads_env(task.cpus, topology, sharers)),
        **dict(command.env),
        "HPCSCHED_TASK_ID": str(desired.first_task + number),
        "HPCSCHED_LOCAL_TASK_ID": str(number),
        "HPCSCHED_CPUS": str(task.cpus),
        "HPCSCHED_GPUS": ",".join(task.gpus),
        **dict(devices),
    }
    return replace(command, step_id=number, env=tuple(env.items()), cpus=task.cpus, mems=task.mems, whole_lines=True)


def threads_env(cpus: IdSet, topology: Topology, sharers: int = 1) -> Env:
    """One OpenMP thread and one place for each core that it has PUs of; a place holds only these (OpenMP 5.2, 21.1.6).

    Of cpus that several tasks share, each has its part of the threads and no places: all would take the same first cores.
    """
    shares = [core.pus & cpus for core in topology.cores]
    places = [share for share in shares if share] or [IdSet.of((cpu,)) for cpu in cpus]
    if sharers > 1:
        return (("OMP_NUM_THREADS", str(max(1, len(places) // sharers))), ("OMP_PROC_BIND", "false"))
    return (
        ("OMP_NUM_THREADS", str(len(places))),
        ("OMP_PLACES", ",".join("{" + ",".join(map(str, place)) + "}" for place in places)),
        ("OMP_PROC_BIND", "close"),
    )


def ending(ends: Sequence[StepExit], names: Sequence[str]) -> Ending:
    """`ends` in the order in which they came; `names` by step id, empty for a job without tasks."""
    failed = [end for end in ends if end.failure or _severity(end)]
    unstarted = next((end for end in failed if end.failure), None)
    if unstarted:
        return Ending(unstarted.exit_code, failure=_told(unstarted, unstarted.failure, names))
    worst = max(ends, key=_severity)
    first = _told(failed[0], _how(failed[0]), names) if failed and names else ""
    return Ending(worst.exit_code, worst.signal, message=first)


def _severity(end: StepExit) -> int:
    return 128 + end.signal if end.signal else end.exit_code or 0


def _how(end: StepExit) -> str:
    return f"killed by signal {end.signal}" if end.signal else f"exit code {end.exit_code}"


def _told(end: StepExit, what: str, names: Sequence[str]) -> str:
    return f"{names[end.step_id]}: {what}" if names else what


class Tasks:
    """The steps of one job's command under one supervisor. `started`: they were, as far as they ever will be."""

    def __init__(self, supervisor: Supervisor, steps: Sequence[StepSpec], first_task: int, started: bool = False) -> None:
        self._supervisor, self._steps, self._started = supervisor, steps, started
        self._names = [f"task {first_task + step.step_id}" for step in steps if step.cpus]

    async def spawn(self, output: int) -> bool:
        """Start all; those that were started before go on. True when each has been started.

        A command that cannot be run ends like one that ran: `wait` says why.
        Raises ContainerGone, BindingMismatch, VersionMismatch.
        """
        if self._started:
            return False
        starting = (self._supervisor.spawn(step, output) for step in self._steps)
        results = await asyncio.gather(*starting, return_exceptions=True)
        for error in results:
            if isinstance(error, ContainerGone) or (isinstance(error, BaseException) and not isinstance(error, RuntimeFailure)):
                raise error
        return not any(isinstance(result, RuntimeFailure) for result in results)

    def observed(self) -> tuple[ObservedTask, ...]:
        """By task what the kernel showed, without cpus where it is not known; empty without tasks, or once they were started."""
        if self._started:
            return ()
        return tuple(self._supervisor.shown(step.step_id) or ObservedTask(IdSet()) for step in self._steps if self._names)

    async def wait(self) -> Ending:
        """Until all have ended, or one could not be started. Raises ContainerGone."""
        ends: list[StepExit] = []
        waits = [asyncio.create_task(self._supervisor.wait(step.step_id)) for step in self._steps]
        try:
            for end in asyncio.as_completed(waits):
                ends.append(await end)
                if ends[-1].failure:
                    break
            return ending(ends, self._names)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
