"""What the runtimes of one node have in common: folders, control groups, launching, signals, removal."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal as signals
from abc import ABC, abstractmethod
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

from hpcsched.errors import ContainerGone, RuntimeFailure
from hpcsched.hardware import cgroup, cgroup_figures
from hpcsched.hardware.cgroup import Cgroup
from hpcsched.hardware.cgroup_layout import Layout, Limits, Write, limit_writes, read, read_layout
from hpcsched.images.store import ImageStore
from hpcsched.model.container import ContainerSpec, Observed, Usage
from hpcsched.runtimes.build import init_binary
from hpcsched.runtimes.folder import Folder, Folders, read_pid, write_pid
from hpcsched.runtimes.launching import Launcher
from hpcsched.runtimes.observe import observe
from hpcsched.runtimes.plan import Placement, write_plan
from hpcsched.runtimes.supervisor import InitSupervisor

_log = logging.getLogger(__name__)
BESIDE = (".monitor", ".pivot")
"""Control groups beside the container's own: LXC's monitor is not counted, limited or killed for memory with the job."""


class NodeRuntime(ABC):
    """`hidden`: folders of the node's daemons that no container may see, beside `state_dir`."""

    name: str
    helper: str

    def __init__(self, state_dir: Path, image_dir: Path, hidden: tuple[Path, ...] = ()) -> None:
        self.folders = Folders(state_dir, self.name)
        self.images = ImageStore(image_dir, state_dir / "images")
        self.hidden = (state_dir, *hidden)
        self.layout = Layout(())
        self._init = Path()
        self._launcher = Launcher(self.helper)
        self._busy: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def open(self) -> None:
        await asyncio.to_thread(self._open)
        await self._launcher.open()

    def _open(self) -> None:
        self.layout = read_layout(Path("/proc/self/mountinfo").read_text())
        self.folders.open()
        self._init = init_binary(self.folders.state / "cache")

    async def close(self) -> None:
        await self._launcher.close()
        cgroup.remove_folder(self.layout)

    async def start(self, spec: ContainerSpec) -> None:
        async with self._busy[spec.name]:
            if not await self._runs(spec.name):
                await self._remove(spec.name)
                await self._start(spec)

    async def _runs(self, name: str) -> bool:
        try:
            supervisor = await self.connect(name)
        except ContainerGone:
            return False
        await supervisor.close()
        return True

    async def _start(self, spec: ContainerSpec) -> None:
        try:
            await self._launch(spec)
        except BaseException:
            await asyncio.shield(self._remove(spec.name))
            raise

    async def _launch(self, spec: ContainerSpec) -> None:
        folder = await asyncio.to_thread(self._prepare, spec)
        supervisor = await self._launcher.launch(folder, spec.env)
        write_pid(folder.init_pid, supervisor.pid)
        await supervisor.close()
        for line in read(folder.skipped).splitlines():
            _log.warning("container %s goes without a mount: %s", folder.name, line)

    def _prepare(self, spec: ContainerSpec) -> Folder:
        folder = self.folders.make(spec)
        group = self.group(spec.name)
        group.create(self.writes(group.name, spec))
        place = Placement(folder, self._init, f"{group.path}/{cgroup.PAYLOAD}", *(f"{group.path}{end}" for end in BESIDE))
        write_plan(folder, self.plan(place, spec))
        return folder

    @abstractmethod
    def plan(self, place: Placement, spec: ContainerSpec) -> dict[str, Any]:
        """What the launch helper is to do. Raises ImageError, RuntimeFailure for what this runtime cannot do."""

    def writes(self, group: str, spec: ContainerSpec) -> list[Write]:
        """What goes into the container's control group before anything runs in it."""
        limits = Limits(spec.binding.cpus, spec.binding.mems, spec.binding.memory)
        return limit_writes(self.layout, group, limits)

    def group(self, name: str) -> Cgroup:
        return Cgroup(self.layout, f"{name}.{self.folders.mark}")

    async def connect(self, name: str) -> InitSupervisor:
        folder = self.folders.of(name)
        supervisor = await InitSupervisor.connect(folder.socket, self.folders.environment(name))
        if not read_pid(folder.init_pid):
            write_pid(folder.init_pid, supervisor.pid)
        return supervisor

    def observe(self, name: str) -> Observed:
        pid = read_pid(self.folders.of(name).init_pid)
        if not pid or not self.folders.owns(name):
            raise ContainerGone(f"container {name} does not run")
        return observe(pid, self.name, self.layout)

    def usage(self, name: str) -> Usage:
        return cgroup_figures.usage(self.layout, self.group(name).path)

    async def signal(self, name: str, signal: int) -> None:
        init = read_pid(self.folders.of(name).init_pid)
        for pid in self.group(name).pids() - {init}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal)

    async def remove(self, name: str) -> None:
        async with self._busy[name]:
            await self._remove(name)
        self._forget(name)

    def _forget(self, name: str) -> None:
        if name in self._busy and not self._busy[name].locked():
            del self._busy[name]

    async def _remove(self, name: str) -> None:
        folder = self.folders.of(name)
        if folder.path.exists() and not self.folders.owns(name):
            raise RuntimeFailure(f"container {name} is of another runtime of this node")
        await asyncio.to_thread(self._take_away, name)

    def _take_away(self, name: str) -> None:
        """The monitor first, so that it starts and makes nothing more; it takes its container along (PR_SET_PDEATHSIG)."""
        _kill_and_wait(read_pid(self.folders.of(name).launch_pid))
        for end in ("", *BESIDE):
            group = Cgroup(self.layout, f"{self.group(name).name}{end}")
            if group.exists():
                group.remove()
        self.folders.delete(name)

    def existing(self) -> tuple[str, ...]:
        suffixes = [f".{self.folders.mark}{end}" for end in ("", *BESIDE)]
        groups = {name.removesuffix(end) for name in cgroup.names(self.layout) for end in suffixes if name.endswith(end)}
        return tuple(sorted(self.folders.names() | groups))


def _kill_and_wait(pid: int, deadline_s: float = 10.0) -> None:
    """`pid` 0: nothing to kill."""
    if not pid:
        return
    with suppress(ProcessLookupError):
        process = os.pidfd_open(pid)
        try:
            signals.pidfd_send_signal(process, signals.SIGKILL)
            ended = select.poll()
            ended.register(process)
            ended.poll(deadline_s * 1000)
        finally:
            os.close(process)
