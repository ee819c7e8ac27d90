"""How a running job is doing on its node: looked at right after the start, now and then, and at the end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hpcsched.agent.others import share_of_others
from hpcsched.hardware import cgroup_figures, disturbance
from hpcsched.hardware.cgroup import tree
from hpcsched.hardware.cgroup_layout import Layout, read, read_layout
from hpcsched.hardware.disturbance import CpuTimes
from hpcsched.model.allocation import Binding
from hpcsched.model.container import Observed, Sampled
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Topology

FIRST_WAIT_S = 0.25
"""Then twice as long each time, so that short jobs are seen as well."""
PATIENCE_S = 5.0
"""How long the end of a job waits for a look at it: reads of /proc and of control groups can hang in a kernel in trouble."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the kernel showed at one time; counters since boot. None: it does not say."""

    misplaced: float | None = None
    migrations: dict[str, int] | None = None
    throttled: int | None = None
    times: CpuTimes | None = None
    used_s: float | None = None
    """CPU time of the job."""


def sampled(readings: Iterable[Reading]) -> Sampled:
    """All readings of one run, in order."""
    seen = list(readings)
    return Sampled(
        samples=len(seen),
        misplaced=max((reading.misplaced for reading in seen if reading.misplaced is not None), default=-1.0),
        migrations=_migrations(seen),
        throttled=_risen([reading.throttled for reading in seen]),
        steal=_steal([reading.times for reading in seen]),
        others=_others(seen),
    )


def _migrations(seen: list[Reading]) -> int:
    """Of every thread the last that was seen of it: those that have ended count as well, if they lived when we looked."""
    known = [reading.migrations for reading in seen if reading.migrations is not None]
    last = {thread: count for counts in known for thread, count in counts.items()}
    return sum(last.values()) if known else -1


def _risen(counts: list[int | None]) -> int:
    known = [count for count in counts if count is not None]
    return max(0, known[-1] - known[0]) if known else -1


def _steal(times: list[CpuTimes | None]) -> float:
    known = [one for one in times if one is not None]
    if not known:
        return -1.0
    spent = known[-1].since(known[0])
    return min(1.0, max(0.0, spent.steal / spent.total)) if spent.total > 0 else 0.0


def _others(seen: list[Reading]) -> float:
    """Between the first and the last look at which the job's control group was there."""
    known = [(one.times, one.used_s) for one in seen if one.times is not None and one.used_s is not None]
    if not known:
        return -1.0
    (before, used_before), (after, used_after) = known[0], known[-1]
    return share_of_others(after.since(before), used_after - used_before)


class Sampler:
    """Of one run; `look` is called on a thread of its own. What takes longer than `patience_s` is missing in the end."""

    def __init__(
        self, look: Callable[[], Reading], thread: ThreadPoolExecutor, every_s: float, patience_s: float = PATIENCE_S
    ) -> None:
        self._look, self._thread, self._every_s, self._patience_s = look, thread, every_s, patience_s
        self._readings: list[Reading] = []
        self._going = asyncio.create_task(self._go())

    async def _go(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            await self._sample()
            await asyncio.sleep(min(wait_s, self._every_s))
            wait_s *= 2

    async def _sample(self) -> None:
        """One that is under way is waited for, also when nobody wants to go on."""
        looking = asyncio.get_running_loop().run_in_executor(self._thread, self._look)
        try:
            self._readings.append(await asyncio.shield(looking))
        except asyncio.CancelledError:
            self._readings.append(await looking)
            raise

    async def finish(self) -> Sampled:
        """Look once more; what was seen over the whole run."""
        if await self.stop():
            self._going = asyncio.create_task(self._sample())
            await self._ended()
        return sampled(self._readings)

    async def stop(self) -> bool:
        """Look no more; whether no look is under way. May be repeated."""
        self._going.cancel()
        return await self._ended()

    async def _ended(self) -> bool:
        ended, _ = await asyncio.wait({self._going}, timeout=self._patience_s)
        for task in ended:
            with contextlib.suppress(asyncio.CancelledError):
                task.result()
        return bool(ended)


class Sampling:
    """Of all jobs of one node. `every_s` 0: never. It runs on CPUs that the job does not have, where there are any."""

    def __init__(self, topology: Topology, every_s: float) -> None:
        self._topology, self._every_s = topology, every_s
        self._home = IdSet.of(os.sched_getaffinity(0))
        self._thread = ThreadPoolExecutor(1, "sampling")

    @contextlib.asynccontextmanager
    async def of(self, observed: Observed | None, binding: Binding) -> AsyncIterator[Sampler | None]:
        """From now on until it is left; None when nothing is looked at."""
        if not observed or not self._every_s:
            yield None
            return
        sampler = Sampler(self._looking(observed, binding), self._thread, self._every_s)
        try:
            yield sampler
        finally:
            await sampler.stop()

    def _looking(self, observed: Observed, binding: Binding) -> Callable[[], Reading]:
        groups = functools.cache(lambda: Groups.of(observed))
        cores = [mine.first() for core in self._topology.cores if (mine := core.pus & binding.cpus)]
        housekeeping = set((self._home - binding.cpus) or self._home)

        def look() -> Reading:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, housekeeping)
            return reading(groups(), binding, cores)

        return look


@dataclass(frozen=True, slots=True)
class Groups:
    """Where the container's processes are: folders of control groups; `init`: its supervisor, which is not the job."""

    init: int
    cpuset: Path
    memory: Path | None
    cpu: tuple[Path, Path] | None
    """The group and its hierarchy's mount."""
    cpuacct: Path | None

    @classmethod
    def of(cls, observed: Observed) -> Groups:
        layout = _layout()
        text = read(Path(f"/proc/{observed.pid}/cgroup"))
        memory = cgroup_figures.folder_of("memory", text, layout)
        cpuacct = cgroup_figures.folder_of("cpuacct", text, layout)
        return cls(observed.pid, Path(observed.cgroup), memory, _cpu_group(text, layout), cpuacct)


@functools.cache
def _layout() -> Layout:
    return read_layout(read(Path("/proc/self/mountinfo")))


def _cpu_group(text: str, layout: Layout) -> tuple[Path, Path] | None:
    hierarchy, folder = layout.find("cpu"), cgroup_figures.folder_of("cpu", text, layout)
    return (folder, hierarchy.mount) if hierarchy and folder else None


def reading(groups: Groups, binding: Binding, cores: list[int]) -> Reading:
    """`cores`: one PU of each of the job's cores."""
    pids = {int(word) for part in tree(groups.cpuset) for word in read(part / "cgroup.procs").split()}
    throttles = [disturbance.heat_throttles(cores), disturbance.quota_throttles(*groups.cpu) if groups.cpu else None]
    known = [count for count in throttles if count is not None]
    return Reading(
        disturbance.misplaced(groups.memory, binding.mems) if groups.memory else None,
        disturbance.migrations(pids - {groups.init}),
        sum(known) if known else None,
        disturbance.cpu_times(binding.cpus),
        cgroup_figures.cpu_seconds(groups.cpuacct) if groups.cpuacct else None,
    )
