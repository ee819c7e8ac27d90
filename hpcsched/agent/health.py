"""Is the node fit for another job? Looked at when a job's container is gone, and now and then while no job runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from hpcsched.agent.book import Page
from hpcsched.config import AgentConfig
from hpcsched.errors import ConfigError, HpcschedError, InvalidValue
from hpcsched.hardware import counters, fitness
from hpcsched.hardware.counters import Counts
from hpcsched.hardware.remains import EndedJob, Remnant, is_there, remains
from hpcsched.model.container import EndCause
from hpcsched.model.node import NodeOffer

log = logging.getLogger(__name__)
EVERY_S, UNWELL_EVERY_S = 60.0, 5.0
DEADLINE_S = 15.0
"""A disk or driver that hangs keeps no job's end waiting for longer."""
NAMED = 3


class Health:
    """`faults`: one line each, as of the last check; `changed` is called when they are others than before.

    `strangers`: names of containers on this node that nobody knows. `idle`: no job is on this node. `broken`: why devices cannot
    be given to jobs. `stuck`: settings that could not be put back. `root`: of /proc, /sys and /dev. Raises ConfigError.
    """

    def __init__(
        self,
        config: AgentConfig,
        offer: NodeOffer,
        changed: Callable[[], None] = lambda: None,
        strangers: Callable[[], set[str]] = set,
        root: Path = Path("/"),
        idle: Callable[[], bool] = lambda: True,
        broken: Callable[[], Iterable[str]] = tuple,
        stuck: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.faults: tuple[str, ...] = ()
        self._config, self._offer, self._changed, self._strangers, self._root = config, offer, changed, strangers, root
        self._idle, self._stuck, self._find_broken, self._broken = idle, stuck, broken, tuple[str, ...]()
        self._folder = Path(config.state_dir)
        self._pci = sorted({device.pci for device in offer.devices if device.pci})
        self._before: Counts = {}
        self._counted: Counts = {}
        self._strange: tuple[str, ...] = ()
        self._remnants: list[Remnant] = []
        self._was_read_only = fitness.is_read_only(root)
        self._one = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "health")
        self._wake = asyncio.Event()
        check_room(config.disk_free)

    async def check(self, page: Page | None = None, thorough: bool = False) -> None:
        """Look at the node. `page`: of the container that has just gone, after which there is none.

        What takes long (drivers that are asked, large files of /proc) is left to `watch`, unless `thorough`.
        """
        async with self._one:
            if thorough:
                self._strange = tuple(f"a container that nobody knows: {name}" for name in sorted(self._strangers()))
            looking = partial(self._look, _ended(page) if page else None, thorough, page is not None or self._idle())
            self._show((*self._strange, *await self._bounded(looking)))
        if page and (page.desired.container.binding.gpus or page.status.cause is EndCause.LAUNCH_FAILED):
            self._wake.set()

    async def faults_now(self) -> tuple[str, ...]:
        """Without what someone has mended since the last check, so that a node that is resumed at once is not drained again."""
        if self.faults:
            await self.check()
        return self.faults

    async def watch(self) -> None:
        """For ever: every minute while the node is idle, more often while it is unwell, and soon after a job that had GPUs or
        could not be started.
        """
        while True:
            if await _is_set_within(self._wake, UNWELL_EVERY_S if self.faults else EVERY_S) or self.faults or self._idle():
                self._wake.clear()
                await self.check(thorough=True)

    async def _bounded(self, looking: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await asyncio.get_running_loop().run_in_executor(self._thread, looking)
        except TimeoutError:
            return (f"the health check did not end within {DEADLINE_S:g} s: a disk or a driver hangs",)

    def _show(self, found: tuple[str, ...]) -> None:
        """With names of files that are not UTF-8 in a form that can be sent."""
        faults = tuple(fault.encode(errors="backslashreplace").decode() for fault in found)
        if faults != self.faults:
            log.warning("this node is %s", f"not well: {'; '.join(faults)}" if faults else "well again")
            self.faults = faults
            self._changed()

    def _look(self, ended: EndedJob | None, thorough: bool, free: bool) -> tuple[str, ...]:
        looks = (
            partial(self._left, ended),
            self._lacks,
            self._stuck,
            partial(fitness.missing_pages, self._offer.hugepages if free else (), self._root),
            partial(self._devices, thorough),
            partial(self._errors, thorough),
        )
        return tuple(fault for look in looks for fault in _told(look))

    def _left(self, ended: EndedJob | None) -> Iterator[str]:
        """What jobs have left behind, until someone takes it away."""
        found = remains(ended, self._root) if ended else []
        self._remnants = list(dict.fromkeys([*(old for old in self._remnants if is_there(old, self._root)), *found]))
        for job_id in dict.fromkeys(item.job_id for item in self._remnants):
            told = [item.told for item in self._remnants if item.job_id == job_id]
            more = [f"{len(told) - NAMED} more"] if len(told) > NAMED else []
            yield f"job {job_id} left {', '.join([*told[:NAMED], *more])}"

    def _lacks(self) -> Iterator[str]:
        yield from fitness.full_disk(self._folder, self._config.disk_free)
        if fitness.is_read_only(self._folder):
            yield f"{self._folder} is read-only"
        if not self._was_read_only and fitness.is_read_only(self._root):
            yield "the root file system has become read-only"
        if self._config.require_clock_sync and not fitness.is_clock_synchronised():
            yield "the clock is not synchronised ([agent] require_clock_sync)"

    def _devices(self, thorough: bool) -> Iterator[str]:
        """Asked again without a thorough look only where something was broken, which may be mended by now."""
        if thorough or self._broken:
            self._broken = tuple(self._find_broken())
        yield from self._broken

    def _errors(self, thorough: bool) -> Iterator[str]:
        now = {**counters.memory_errors(self._root), **counters.link_errors(self._pci, self._root)}
        if thorough:
            now |= counters.machine_checks(self._root) | counters.amd_errors(self._pci, self._root) | self._nvidia()
        self._before = {**now, **self._before}
        self._counted |= now
        yield from counters.risen(self._before, self._counted)

    def _nvidia(self) -> Counts:
        used = any(device.vendor == "nvidia" for device in self._offer.devices)
        return counters.nvidia_errors() if used else {}


def _ended(page: Page) -> EndedJob | None:
    """Only a job on bare metal shares the node's processes and shared memory; one that never started has left nothing."""
    status, desired = page.status, page.desired
    if desired.runtime != "baremetal" or not status.start_time:
        return None
    init = status.observed.pid if status.observed else 0
    return EndedJob(status.job_id, desired.container.env, init, status.start_time)


def _told(look: Callable[[], Iterable[str]]) -> list[str]:
    try:
        return list(look())
    except (OSError, HpcschedError) as error:
        return [f"the health check failed: {error}"]


def check_room(least: str) -> None:
    """`[agent] disk_free`. Raises ConfigError."""
    try:
        fitness.wanted_room(least, 0)
    except InvalidValue as error:
        raise ConfigError(f"[agent] disk_free: {error}, or auto") from None


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
