"""What the services share: the loop, the agents, and answers about jobs alive or ended."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from hpcsched.config import ControllerConfig
from hpcsched.controller.agents import Agents
from hpcsched.controller.ledger import Ledger
from hpcsched.controller.loop import Intent, Loop
from hpcsched.controller.reasons import Reasons
from hpcsched.errors import NotFound, Stopping
from hpcsched.model.change import JobChange
from hpcsched.model.job import Job, JobSpec, JobState
from hpcsched.model.record import Record
from hpcsched.plugins import load
from hpcsched.state import changing, decide
from hpcsched.state.depending import Ended, LookAgain, missing
from hpcsched.state.events import Event
from hpcsched.state.requests import once
from hpcsched.state.state import State
from hpcsched.state.timeline import Reading
from hpcsched.stores.base import Journal

if TYPE_CHECKING:
    from hpcsched.controller.canaries import CanaryWatch


class Desk:
    def __init__(self, config: ControllerConfig, journal: Journal, clocks: Callable[[], Reading]) -> None:
        self.config = config
        self.agents = Agents()
        self.ledger = Ledger(journal, config.snapshot_events, config.site)
        self.loop = Loop(self.ledger, load("policies", config.policy)(), clocks, self.agents.sync, self._changed, self._watched)
        self._reasons = Reasons()
        self.disconnected_since: dict[str, float] = {}
        """Seconds of the monotonic clock, which no administrator sets."""
        self.tasks = asyncio.TaskGroup()
        self.canaries: CanaryWatch | None = None
        self._watchers: dict[int, asyncio.Event] = {}

    async def once(self, request: str, intent: Intent) -> None:
        """Durable when it returns; a request that was served before changes nothing. Raises what the intent raises."""
        await self.loop.do(lambda state, now: once(state, request, now, lambda: intent(state, now)))

    async def served(self, request: str) -> bool:
        """It has been done before, perhaps for an earlier controller: what it would change now, it must not."""
        await self.loop.settled()
        return request in self.loop.state.served

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it beside the calls; its failure stops the controller, which being stopped is not."""
        self.tasks.create_task(_until_stopping(work))

    def _watched(self) -> Sequence[int]:
        return tuple(self._watchers)

    def _changed(self, job_id: int) -> None:
        watcher = self._watchers.pop(job_id, None)
        if watcher:
            watcher.set()

    async def job(self, job_id: int) -> Job:
        """A live or an ended job. Raises NotFound."""
        await self.loop.settled()
        alive = self.loop.state.jobs.get(job_id)
        if alive is not None:
            return self._in_the_queue([alive])[0]
        ended = await self.loop.look_up(self.ledger.ended_job, job_id) if 0 < job_id < 1 << 63 else None
        if ended is None:
            raise NotFound(f"there is no job {job_id}; `hpcsched jobs --all` lists those that are known")
        return ended  # type: ignore[no-any-return]

    def _in_the_queue(self, jobs: Sequence[Job]) -> list[Job]:
        """Live ones with their priority, and why those wait that wait: what keeps each, or the last plan's answer."""
        ranks = self.loop.state.queue.ranks_of([job.id for job in jobs]) if jobs else {}
        return [self._with_reason(job, ranks.get(job.id)) for job in jobs]

    def _with_reason(self, job: Job, rank: float | None) -> Job:
        waits, loop = job.state is JobState.PENDING and not job.held, self.loop
        wait = self._reasons.of(job, loop.state, loop.plan, loop.now()) if waits else None
        if wait is not None:
            return dataclasses.replace(job, reason=wait.reason, message=wait.message, multifactor=rank)
        return job if rank is None else dataclasses.replace(job, multifactor=rank)

    async def jobs(self, include_ended: bool, limit: int, include_workers: bool = False) -> list[Job]:
        """Newest first, live ones before ended ones; of workers at most those that live."""
        await self.loop.settled()
        alive = self.loop.state.jobs
        ids = sorted((job_id for job_id, job in alive.items() if include_workers or not _is_inner(job)), reverse=True)[:limit]
        jobs = self._in_the_queue([alive[job_id] for job_id in ids])
        if include_ended and len(jobs) < limit:
            jobs += [record.job for record in await self.records(limit - len(jobs), 0)]
        return jobs

    async def records(self, limit: int, before_job_id: int) -> list[Record]:
        return await self.loop.in_store(self.ledger.records, limit, before_job_id)  # type: ignore[no-any-return]

    async def known_request(self, request: str) -> Sequence[int]:
        """Ids of the jobs that this request has made already, alive and ended, in order."""
        alive = self.loop.state.request(request)
        ended = await self.loop.look_up(self.ledger.jobs_of_request, request)
        return sorted({*alive, *ended})

    async def submit(self, request: str, specs: Sequence[JobSpec]) -> Sequence[int]:
        """Durable when it returns. Raises InvalidValue, Infeasible, NotFound, QueueFull, StoreFull."""
        ids: list[int] = []

        def intent(state: State, now: float, ended: Ended) -> Sequence[Event]:
            known = state.request(request)
            if known:
                ids.extend(known)
                return ()
            event = decide.submit(state, request, specs, now, self.config.max_pending, ended)
            ids.extend(job.job_id for job in event.jobs)
            return (event,)

        await self.do_knowing({spec.dependency for spec in specs if spec.dependency}, intent)
        return ids

    async def update(self, request: str, job_id: int, change: JobChange) -> None:
        """As `once`. Raises InvalidValue, Infeasible, NotFound, Conflict."""

        def intent(state: State, now: float, ended: Ended) -> Sequence[Event]:
            return once(state, request, now, lambda: changing.update(state, job_id, change, now, ended))

        await self.do_knowing({change.dependency} if change.dependency else set(), intent)

    async def do_knowing(self, dependencies: set[str], intent: Callable[[State, float, Ended], Sequence[Event]]) -> None:
        """With the records of the ended jobs that they name; one that ends in between is looked up as well."""
        ended: dict[int, Job | None] = {}
        while True:
            for job_id in missing(self.loop.state, dependencies) - set(ended):
                ended[job_id] = await self.loop.look_up(self.ledger.ended_job, job_id)
            with contextlib.suppress(LookAgain):
                return await self.loop.do(lambda state, now: intent(state, now, ended))

    async def granted(self, job_id: int) -> Job:
        """The job once it has an allocation (an array: a worker) or has ended."""
        return await self._when(job_id, _has_a_place)

    async def ended(self, job_id: int) -> Job:
        """The job once it has ended."""
        return await self._when(job_id, lambda job: job.state.ended)

    async def _when(self, job_id: int, condition: Callable[[Job], bool]) -> Job:
        while not condition(job := await self.job(job_id)):
            await self._watchers.setdefault(job_id, asyncio.Event()).wait()
        return job


def _is_inner(job: Job) -> bool:
    """Nobody submitted it."""
    return job.is_worker or job.spec.canary


def _has_a_place(job: Job) -> bool:
    return job.allocation is not None or job.state.ended or bool(job.array and job.array.workers)


async def _until_stopping(work: Coroutine[Any, Any, None]) -> None:
    with contextlib.suppress(Stopping):
        await work
