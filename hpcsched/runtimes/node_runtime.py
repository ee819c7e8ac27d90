"""What the runtimes of one node have in common: folders, control groups, launching, signals, removal."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal as signals
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpcsched.errors import ConfigError, ContainerGone, RuntimeFailure
from hpcsched.hardware import cgroup, cgroup_figures
from hpcsched.hardware import cgroup_partition as partitions
from hpcsched.hardware.cgroup import Cgroup
from hpcsched.hardware.cgroup_layout import FOLDER, MONITORS, Layout, read, read_layout
from hpcsched.hardware.cgroup_limits import MEMBER, Limits, Write, hugepage_limits, limit_writes
from hpcsched.hardware.hugepages import page_sizes
from hpcsched.images.store import ImageStore
from hpcsched.model.container import ContainerSpec, DeviceNode, Observed, Usage
from hpcsched.runtimes.build import init_binary
from hpcsched.runtimes.devices import try_nodes
from hpcsched.runtimes.folder import Folder, Folders, read_pid, write_pid
from hpcsched.runtimes.lacks import lacks
from hpcsched.runtimes.launching import Launcher, await_launch
from hpcsched.runtimes.observe import group_of, observe
from hpcsched.runtimes.plan import Placement, write_plan
from hpcsched.runtimes.supervisor import InitSupervisor

_log = logging.getLogger(__name__)
BESIDE = (".monitor", ".pivot")
"""Control groups beside the container's own: LXC's monitor is not counted, limited or killed for memory with the job."""


class NodeRuntime(ABC):
    """`hidden`: folders of the node's daemons that no container may see, beside `state_dir`.

    `partition`: of each container's cpuset (`member`: none); `pids_limit`: processes and threads of a container (0: no limit).
    """

    name: str
    helper: str

    def __init__(
        self, state_dir: Path, image_dir: Path, hidden: tuple[Path, ...] = (), partition: str = MEMBER, pids_limit: int = 0
    ) -> None:
        """Raises ConfigError."""
        self.folders = Folders(state_dir, self.name)
        self.images = ImageStore(image_dir, state_dir / "images")
        self.hidden = (state_dir, *hidden)
        self.partition, self.pids_limit = _known_partition(partition), pids_limit
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
        """What stands still and is to be started was about to be removed: nobody starts what is noted as suspended."""
        if self._is_frozen(name):
            return False
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
        self.check(supervisor.pid, spec)
        for line in self._lacks(folder):
            _log.warning("container %s: %s", folder.name, line)

    def _prepare(self, spec: ContainerSpec) -> Folder:
        folder = self.folders.make(spec)
        group = self.group(spec.name)
        if noted := list(self.lacks(spec)):
            folder.lacks.write_text("\n".join(noted))
        with partitions.widened(self.layout, spec.binding.cpus, self.partition):
            group.create(self.writes(group.name, spec))
        places = [self._beside(spec.name, end).path for end in BESIDE]
        write_plan(folder, self.plan(Placement(folder, self._init, f"{group.path}/{cgroup.PAYLOAD}", *places), spec))
        return folder

    @abstractmethod
    def check(self, pid: int, spec: ContainerSpec) -> None:
        """What else must hold of a container that has just started. Raises BindingMismatch."""

    def lacks(self, spec: ContainerSpec) -> Iterator[str]:
        """What the node cannot give it, a sentence each."""
        return lacks(spec, self.layout, self.partition, self.pids_limit)

    def _lacks(self, folder: Folder) -> list[str]:
        """Those noted before the start, and the mounts that it goes without."""
        return [*read(folder.lacks).splitlines(), *read(folder.skipped).splitlines(), *self._partition_lack(folder.name)]

    def _partition_lack(self, name: str) -> list[str]:
        shown = partitions.observed(self.layout, self.group(name).path)
        degraded = shown and shown != self.partition
        return [f"cpuset partition: {self.partition} was asked for, the kernel shows {shown}"] if degraded else []

    @abstractmethod
    def plan(self, place: Placement, spec: ContainerSpec) -> dict[str, Any]:
        """What the launch helper is to do. Raises ImageError, RuntimeFailure for what this runtime cannot do."""

    def writes(self, group: str, spec: ContainerSpec) -> list[Write]:
        """What goes into the container's control group before anything runs in it."""
        binding = spec.binding
        hugepages = hugepage_limits(binding.hugepages, page_sizes()) if binding.hugepages else ()
        limits = Limits(binding.cpus, binding.mems, binding.memory, self.pids_limit, hugepages, self.partition)
        return limit_writes(self.layout, group, limits)

    def group(self, name: str) -> Cgroup:
        return Cgroup(self.layout, f"{name}.{self.folders.mark}")

    def _beside(self, name: str, end: str) -> Cgroup:
        """In the same folder, unless a partition leaves no CPU to what is there."""
        alone = self.partition != MEMBER and partitions.unified_cpuset(self.layout)
        return Cgroup(self.layout, f"{self.group(name).name}{end}", MONITORS if alone else FOLDER)

    async def connect(self, name: str) -> InitSupervisor:
        folder = self.folders.of(name)
        supervisor = await InitSupervisor.connect(folder.socket, self.folders.environment(name))
        if not read_pid(folder.init_pid):
            write_pid(folder.init_pid, supervisor.pid)
        return supervisor

    def _pid(self, name: str) -> int:
        pid = read_pid(self.folders.of(name).init_pid)
        if not pid or not self.folders.owns(name):
            raise ContainerGone(f"container {name} does not run")
        return pid

    def observe(self, name: str) -> Observed:
        """Versions of drivers: those that the kernel shows, beside what else the spec names."""
        seen = observe(self._pid(name), self.name, self.layout, self.group(name).path)
        drivers = {**self.folders.drivers(name), **dict(seen.drivers)}
        lacks = tuple(self._lacks(self.folders.of(name)))
        return replace(seen, partition_asked=self.partition, drivers=tuple(drivers.items()), lacks=lacks)

    async def try_open(self, name: str, nodes: Sequence[DeviceNode]) -> dict[str, str]:
        folder = group_of(self._pid(name), "devices", self.layout)
        if folder is None:
            return {}
        return await asyncio.to_thread(try_nodes, self._init, folder / "cgroup.procs", nodes)

    def usage(self, name: str) -> Usage:
        return cgroup_figures.usage(self.layout, self.group(name).path)

    async def signal(self, name: str, signal: int) -> None:
        init = read_pid(self.folders.of(name).init_pid)
        for pid in self.group(name).pids() - {init}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal)

    async def freeze(self, name: str, frozen: bool) -> None:
        if not self.group(name).exists():
            raise ContainerGone(f"container {name} does not run")
        await asyncio.to_thread(self.group(name).freeze, frozen)

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
        folder = self.folders.of(name)
        await_launch(folder)
        self._kill_frozen(name)
        _kill_and_wait(read_pid(folder.launch_pid))
        for group in (self.group(name), *self._all_beside(name)):
            if group.exists():
                group.remove()
        partitions.narrow(self.layout)
        self.folders.delete(name)

    def _kill_frozen(self, name: str) -> None:
        """What is frozen does not end one by one (v1), and must not go on for a moment either."""
        if self._is_frozen(name):
            self.group(name).kill()

    def _is_frozen(self, name: str) -> bool:
        group = self.group(name)
        return group.exists() and self.layout.find("freezer") is not None and group.frozen

    def _all_beside(self, name: str) -> Iterator[Cgroup]:
        """Wherever they may be: the site may have changed its mind on partitions."""
        folders = (FOLDER, MONITORS) if partitions.unified_cpuset(self.layout) else (FOLDER,)
        return (Cgroup(self.layout, f"{self.group(name).name}{end}", folder) for end in BESIDE for folder in folders)

    def existing(self) -> tuple[str, ...]:
        suffixes = [f".{self.folders.mark}{end}" for end in ("", *BESIDE)]
        groups = {name.removesuffix(end) for name in cgroup.names(self.layout) for end in suffixes if name.endswith(end)}
        return tuple(sorted(self.folders.names() | groups))


def _known_partition(kind: str) -> str:
    if kind not in partitions.KINDS:
        raise ConfigError(f"[agent] cpu_partition = {kind!r}: it is one of {', '.join(partitions.KINDS)}")
    return kind


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
