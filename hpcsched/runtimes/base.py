"""What a runtime must be able to do; `tests/contract/test_runtime.py` proves it for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hpcsched.model.container import ContainerSpec, DeviceNode, Observed, ObservedTask, StepExit, StepSpec, Usage, WorkStatus
from hpcsched.model.idset import IdSet

Env = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TaskSlot:
    """Where one task of a work runs at a time; `env` beside the command's."""

    cpus: IdSet
    mems: IdSet
    env: Env = ()


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """What never changes of a work. `numbered`: its tasks get HPCSCHED_ARRAY_TASK_ID; `packed`: their output is in records.

    `restarts`: how often the job was restarted.
    """

    command: StepSpec
    slots: tuple[TaskSlot, ...]
    numbered: bool = False
    packed: bool = False
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class WorkWish:
    """What is wanted of a work now, as a whole. `ranges`: first position and end of each (half-open), the task id of the first
    and the step from one id to the next. `time_limit_s` 0: none; of each task.
    """

    ranges: tuple[tuple[int, int, int, int], ...]
    time_limit_s: int = 0
    grace_s: float = 30.0
    cancel: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """Of a work, all that is known of positions that are still wanted. `running`: tasks that have not ended."""

    status: WorkStatus
    running: int = 0


class Supervisor(Protocol):
    """The connection to the small supervisor (`hpcsched-init`) that starts and reaps steps inside one container.

    It outlives the agent and remembers the exit of every step until the container is removed, so a second connection
    after an agent restart hears of exits that fell in the gap.
    """

    async def spawn(self, step: StepSpec, output: int) -> int:
        """Start a step whose stdout and stderr are copied to the file `output` (a descriptor; the caller closes its own).

        Returns the pid inside. Doing it twice with one `step_id` starts it once. Raises RuntimeFailure with the reason when the
        working directory or the command is wrong, BindingMismatch when the kernel shows other `cpus` or `mems`; nothing has run
        then, and `wait` gives the same reason. Raises VersionMismatch where a container of an older agent cannot bind it.
        """

    async def spawn_attached(self, step: StepSpec) -> tuple[int, int, int]:
        """Start a step on pipes, or on one terminal if `step.tty`; returns (stdin, stdout, stderr) of our side.

        With a terminal all three are duplicates of its master. The caller closes them.
        """

    async def wait(self, step_id: int) -> StepExit:
        """The exit of that step, also when it fell before this connection. Raises ContainerGone when the supervisor is gone."""

    def shown(self, step_id: int) -> ObservedTask | None:
        """What the kernel showed of a step with `cpus` or `mems`, right before it became its command.

        Known once `spawn` has returned, also the second one of that id.
        """

    async def signal(self, step_id: int, signal: int) -> None:
        """Signal the process group of one step; a step that has ended is fine."""

    async def give_work(self, job_id: int, order: WorkOrder, output: int) -> None:
        """From now on tasks of that job may be wanted; their output goes to the file `output`. Again: nothing changes.

        With more `restarts` than the one before it takes its place: what runs of that is killed, what ended is forgotten.

        Raises VersionMismatch where a container of an older agent takes no works.
        """

    async def want(self, job_id: int, wish: WorkWish) -> None:
        """A position is started once for as long as it is wanted; with the end of that its end is forgotten."""

    async def progress(self, job_id: int) -> Progress:
        """At most 1,000 of the ended tasks; the others come when these are not wanted any more. Raises ContainerGone."""

    async def drop_work(self, job_id: int) -> None:
        """Kill and forget what there is of it; unknown ones are fine."""

    def on_news(self, call: Callable[[int], None]) -> None:
        """`call` gets the id of a job, tasks of which have started or ended since its `progress` was last asked for."""

    async def gone(self) -> None:
        """Returns never; raises ContainerGone when the supervisor is gone, and with it the container."""

    async def close(self) -> None: ...


class ContainerRuntime(Protocol):
    """Starts, observes and removes containers on this node; every method may be called again after any interruption."""

    name: str

    async def open(self) -> None:
        """Start what the runtime needs beside it (its launch helper). Raises MissingTool, Unsupported."""

    async def close(self) -> None:
        """Stop that again; containers go on."""

    async def start(self, spec: ContainerSpec) -> None:
        """The container's supervisor runs when this returns; no step does. One of that name that runs already is left alone.

        Raises ImageError, RuntimeFailure, Unsupported; nothing is left behind then.
        """

    async def connect(self, name: str) -> Supervisor:
        """Raises ContainerGone."""

    def observe(self, name: str) -> Observed:
        """What the kernel allows this container, read back now. Raises ContainerGone."""

    async def try_open(self, name: str, nodes: Sequence[DeviceNode]) -> dict[str, str]:
        """Open each device node of the node from the container's control groups: by path, `ok` or a name of errno(3).

        Raises ContainerGone.
        """

    def usage(self, name: str) -> Usage:
        """Zero figures once the container is gone."""

    async def signal(self, name: str, signal: int) -> None:
        """Signal every process inside but the supervisor."""

    async def freeze(self, name: str, frozen: bool) -> None:
        """Stop all its processes where they are, the supervisor too, or let them go on. Doing it twice is fine.

        Raises RuntimeFailure when they do not stop, ContainerGone.
        """

    async def remove(self, name: str) -> None:
        """Kill the whole process tree; take away cgroups, mounts and files (all but a kept writable layer).

        Unknown names are fine.
        """

    def existing(self) -> tuple[str, ...]:
        """Names with anything left on the node: running, half started or half removed."""
