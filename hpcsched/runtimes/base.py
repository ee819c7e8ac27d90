"""What a runtime must be able to do; `tests/contract/test_runtime.py` proves it for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hpcsched.model.container import ContainerSpec, DeviceNode, Observed, ObservedTask, StepExit, StepSpec, Usage


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

    async def remove(self, name: str) -> None:
        """Kill the whole process tree; take away cgroups, mounts and files (all but a kept writable layer).

        Unknown names are fine.
        """

    def existing(self) -> tuple[str, ...]:
        """Names with anything left on the node: running, half started or half removed."""
