"""The agent daemon: keeps this node as the controller wants it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from hpcsched.agent import inventory, settings
from hpcsched.agent import offer as offers
from hpcsched.agent.book import Book, Page, with_steady_times
from hpcsched.agent.health import Health
from hpcsched.agent.keeper import Keeper
from hpcsched.agent.link import Link
from hpcsched.agent.lock import lock_folder
from hpcsched.agent.outfit import Outfitter
from hpcsched.agent.output import Outputs
from hpcsched.agent.prepare import prepared
from hpcsched.agent.reconcile import Command, Forget, Launch, Lose, Release, Stage, Step, Stop, reconcile
from hpcsched.agent.sampling import Sampling
from hpcsched.agent.surroundings import Surroundings
from hpcsched.agent.tuning import Tuner
from hpcsched.config import AgentConfig
from hpcsched.errors import RuntimeFailure, alone
from hpcsched.model.container import ContainerStatus, DesiredContainer, EndCause, Phase
from hpcsched.model.node import NodeOffer
from hpcsched.plugins import load
from hpcsched.runtimes.base import ContainerRuntime

log = logging.getLogger(__name__)
PRUNE_EVERY = 100
HURRIED_GRACE_S = 2.0


class Agent:
    """`runtimes` by name; `clock` gives Unix seconds, `steady` those of a clock that nobody sets."""

    def __init__(
        self,
        config: AgentConfig,
        offer: NodeOffer,
        runtimes: Mapping[str, ContainerRuntime],
        clock: Callable[[], float],
        steady: Callable[[], float],
    ) -> None:
        folder = Path(config.state_dir)
        self.config, self.offer = config, offer
        self.outputs = Outputs(folder / "output", config.output_keep, config.mount_allow)
        self.keepers: dict[int, Keeper] = {}
        self.changed = asyncio.Event()
        self.desired: dict[int, DesiredContainer] | None = None
        self.epoch = 0
        self._runtimes, self.clock, self._steady = runtimes, clock, steady
        self._book = Book(folder / "jobs")
        self._tasks = asyncio.TaskGroup()
        self._forgotten = 0
        self._living: set[asyncio.Task[None]] = set()
        vendors = inventory.vendors(config.cdi_dirs)
        broken = partial(inventory.broken, vendors, offer.devices)
        self._tuner = Tuner(folder, dict(config.tunings))
        stuck, idle = self._tuner.faults, lambda: not self.keepers
        self._health = Health(config, offer, self.changed.set, self._strangers, idle=idle, broken=broken, stuck=stuck)
        self._around = Surroundings(
            self._book,
            self.outputs,
            clock,
            steady,
            self._on_change,
            config.mount_allow,
            Outfitter(vendors, offer.devices),
            self._tuner,
            self._health,
            Sampling(offer.topology, config.sample_s),
            offer.topology,
        )

    async def run(self) -> None:
        """Adopt what runs already, then keep the node until cancelled; containers go on without us."""
        async with self._tasks:
            await self._adopt()
            await self._health.check(thorough=True)
            self._tasks.create_task(self._health.watch())
            await Link(self).run()

    def statuses(self) -> list[ContainerStatus]:
        """What is reported of every container that anything is left of or that the controller has not released."""
        return [keeper.page.status for keeper in self.keepers.values()]

    async def faults(self) -> tuple[str, ...]:
        """Why this node should get no job; empty: it is well."""
        return await self._health.faults_now()

    def want(self, epoch: int, containers: Sequence[DesiredContainer]) -> None:
        """The controller's desired set; one of an older epoch than seen is ignored."""
        if epoch < self.epoch:
            return log.warning("ignored the orders of a controller of epoch %d; %d is in force", epoch, self.epoch)
        self.epoch = epoch
        first, self.desired = self.desired is None, {item.job_id: item for item in containers}
        if first:
            self.outputs.prune(self._alive())
        for job_id, keeper in self.keepers.items():
            if job_id in self.desired:
                keeper.adjust(self.desired[job_id])
        return self._reconcile()

    def keeper_of(self, job_id: int) -> Keeper | None:
        """Whose container the job's command, or one of its tasks, runs in now."""
        own = self.keepers.get(job_id)
        return own or next((keeper for keeper in self.keepers.values() if keeper.runs_for(job_id)), None)

    def _on_change(self) -> None:
        self.changed.set()
        self._reconcile()

    def _reconcile(self) -> None:
        if self.desired is None:
            return
        actual = {job_id: keeper.page.stage for job_id, keeper in self.keepers.items()}
        for step in reconcile(self.desired, actual):
            self._do(step)

    def _do(self, step: Step) -> None:
        match step:
            case Launch(desired):
                self._launch(desired)
            case Lose(desired):
                self._lose(desired)
            case Command(desired):
                self.keepers[desired.job_id].give_command(self._prepared(desired).command)
            case Stop(job_id, cause):
                self.keepers[job_id].stop(cause)
            case Release(job_id):
                self.keepers[job_id].release()
            case Forget(job_id):
                self._forget(job_id)

    def _prepared(self, desired: DesiredContainer) -> DesiredContainer:
        """Its works are told it as they change: those of yesterday must not be taken up again."""
        lasting = dataclasses.replace(desired, works=(), suspend=False)
        return prepared(lasting, self._book.name_of(desired.job_id), self.config.tuning)

    def _new_page(self, desired: DesiredContainer) -> Page:
        status = ContainerStatus(desired.job_id, Phase.STARTING)
        name = self._book.name_of(desired.job_id)
        return Page(name, self._prepared(desired), Stage.STARTING, status, self.offer.boot_id)

    def _launch(self, desired: DesiredContainer) -> None:
        self._keep(self._new_page(desired))
        if (keeper := self.keepers.get(desired.job_id)) is None:
            return
        keeper.adjust(desired)
        if desired.cancel:
            keeper.stop(EndCause.CANCELLED)

    def _lose(self, desired: DesiredContainer) -> None:
        self._keep(self._lost(self._new_page(desired), "the agent has no note of it any more"))
        self.changed.set()

    def _lost(self, page: Page, why: str) -> Page:
        now = self.clock()
        status = dataclasses.replace(page.status, phase=Phase.EXITED, cause=EndCause.LOST, message=why, end_time=now)
        return dataclasses.replace(page, stage=Stage.ENDED, status=status, boot_id=self.offer.boot_id)

    def _forget(self, job_id: int) -> None:
        del self.keepers[job_id]
        self._book.drop(job_id)
        self.changed.set()
        self._forgotten += 1
        if self._forgotten % PRUNE_EVERY == 0:
            self.outputs.prune(self._alive())

    def _alive(self) -> set[int]:
        """Jobs that have a container here, or tasks in one."""
        works = {work.job_id for item in (self.desired or {}).values() for work in item.works}
        return works | self.keepers.keys()

    def _keep(self, page: Page) -> None:
        if page.desired.runtime not in self._runtimes:
            return log.warning("job %d: this agent has no runtime %r", page.status.job_id, page.desired.runtime)
        keeper = Keeper(page, self._runtimes[page.desired.runtime], self._around)
        self.keepers[page.status.job_id] = keeper
        living = self._tasks.create_task(keeper.live())
        self._living.add(living)
        living.add_done_callback(self._living.discard)
        return None

    async def _adopt(self) -> None:
        """Pages go on where they were; what no page knows is removed."""
        pages = self._book.read()
        for page in pages:
            self._keep(self._after_boot(page))
        known = {page.name for page in pages}
        self._tuner.adopt(known)
        for runtime in self._runtimes.values():
            for name in set(runtime.existing()) - known:
                await self._clear(runtime, name)

    def _strangers(self) -> set[str]:
        known = {keeper.page.name for keeper in self.keepers.values()}
        return {name for runtime in self._runtimes.values() for name in runtime.existing()} - known

    async def _clear(self, runtime: ContainerRuntime, name: str) -> None:
        try:
            await runtime.remove(name)
        except (RuntimeFailure, OSError) as error:
            log.warning("cannot remove the unknown container %s: %s", name, error)

    def _after_boot(self, page: Page) -> Page:
        """A reboot has ended what ran; what had not run its command yet may start again."""
        if page.boot_id == self.offer.boot_id or page.stage is not Stage.SPAWNED:
            return dataclasses.replace(with_steady_times(page, self.clock(), self._steady()), boot_id=self.offer.boot_id)
        return self._lost(page, "the node was rebooted")

    async def end_all(self) -> None:
        """Stop and remove every container; the caller bounds the time."""
        for keeper in self.keepers.values():
            keeper.stop(EndCause.CANCELLED, HURRIED_GRACE_S)
        if self._living:
            await asyncio.wait(self._living)


async def serve_agent(config: AgentConfig, ready: Callable[[], None] = lambda: None) -> None:
    """Keep this node until cancelled. Raises ConfigError, MissingTool, TopologyError, AlreadyExists, VersionMismatch."""
    with alone():
        async with agent(config) as running:
            ready()
            await running.run()


@contextlib.asynccontextmanager
async def agent(config: AgentConfig) -> AsyncIterator[Agent]:
    """An agent whose runtimes are open; the caller runs it."""
    settings.check(config)
    with lock_folder(Path(config.state_dir)):
        offer = await asyncio.to_thread(offers.make, config)
        async with _runtimes(config, offer.runtimes) as runtimes:
            yield Agent(config, offer, runtimes, time.time, time.monotonic)


@contextlib.asynccontextmanager
async def _runtimes(config: AgentConfig, names: Sequence[str]) -> AsyncIterator[dict[str, ContainerRuntime]]:
    folder = Path(config.state_dir)
    hidden = (folder, *(Path(item) for item in config.hide))
    limits = {"partition": config.cpu_partition, "pids_limit": config.pids_limit}
    async with contextlib.AsyncExitStack() as stack:
        opened: dict[str, ContainerRuntime] = {}
        for name in names:
            runtime: ContainerRuntime = load("runtimes", name)(folder / name, Path(config.image_dir), hidden, **limits)
            await runtime.open()
            stack.push_async_callback(runtime.close)
            opened[name] = runtime
        yield opened
