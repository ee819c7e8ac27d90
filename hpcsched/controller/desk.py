"""What the services share: the loop, the agents, and answers about jobs alive or ended."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from hpcsched.config import ControllerConfig
from hpcsched.controller.agents import Agents
from hpcsched.controller.ledger import Ledger
from hpcsched.controller.loop import Loop
from hpcsched.errors import NotFound, Stopping
from hpcsched.model.change import JobChange
from hpcsched.model.job import Job, JobSpec, JobState
from hpcsched.model.record import Record
from hpcsched.plugins import load
from hpcsched.state import changing, decide
from hpcsched.state.depending import Ended, LookAgain, missing
from hpcsched.state.events import Event
from hpcsched.state.state import State
from hpcsched.stores.base import Journal

REMEMBERED_REQUESTS = 100_000
"""Ids of cancels, holds, releases, drains and resumes; those of submits are in the journal."""


class Desk:
    """`clock` gives Unix seconds."""

    def __init__(self, config: ControllerConfig, journal: Journal, clock: Callable[[], float]) -> None:
        self.config, self.clock = config, clock
        self.agents = Agents()
        self.ledger = Ledger(journal, config.snapshot_events, config.site)
        self.loop = Loop(self.ledger, load("policies", config.policy)(), clock, self.agents.sync, self._changed, self._watched)
        self.disconnected_since: dict[str, float] = {}
        """Seconds of the monotonic clock, which no administrator sets."""
        self.tasks = asyncio.TaskGroup()
        self._done: dict[str, None] = {}
        self._watchers: dict[int, asyncio.Event] = {}

    def first_time(self, request: str) -> bool:
        """False for a request that has changed something already: a late retry must not do it again."""
        again = request in self._done
        self._done[request] = None
        if len(self._done) > REMEMBERED_REQUESTS:
            del self._done[next(iter(self._done))]
        return not again

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
            return self._with_reason(alive)
        ended = await self.loop.look_up(self.ledger.ended_job, job_id) if 0 < job_id < 1 << 63 else None
        if ended is None:
            raise NotFound(f"there is no job {job_id}; `hpcsched jobs --all` lists those that are known")
        return ended  # type: ignore[no-any-return]

    def _with_reason(self, job: Job) -> Job:
        """A pending job says why it waits: what keeps it from being looked at, or by the last plan."""
        if job.state is not JobState.PENDING or job.held:
            return job
        wait = self.loop.state.blocked(job.id, self.loop.now()) or self.loop.plan.wait(job.id)
        return dataclasses.replace(job, reason=wait.reason, message=wait.message) if wait else job

    async def jobs(self, include_ended: bool, limit: int, include_workers: bool = False) -> list[Job]:
        """Newest first, live ones before ended ones; of workers at most those that live."""
        await self.loop.settled()
        alive = self.loop.state.jobs
        ids = sorted((job_id for job_id, job in alive.items() if include_workers or not _is_inner(job)), reverse=True)[:limit]
        jobs = [self._with_reason(alive[job_id]) for job_id in ids]
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

    async def update(self, job_id: int, change: JobChange) -> None:
        """Durable when it returns; of an ended job nothing changes. Raises InvalidValue, Infeasible, NotFound, Conflict."""

        def intent(state: State, now: float, ended: Ended) -> Sequence[Event]:
            return changing.update(state, job_id, change, now, ended) if job_id in state.jobs else ()

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
