"""The works of a worker container: what the controller wants of each goes to the supervisor, what became of it comes back."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
from collections.abc import Callable, Sequence

from hpcsched.agent.surroundings import Surroundings
from hpcsched.agent.tasks import Ending
from hpcsched.agent.work_order import is_array, order_of, wish_of
from hpcsched.errors import ContainerGone, HpcschedError
from hpcsched.model.container import DesiredContainer, EndCause, TaskEnd, Usage, Work, WorkStatus
from hpcsched.model.ranges import count, first_of
from hpcsched.runtimes.base import Progress, Supervisor

log = logging.getLogger(__name__)
SOON_S = 0.02
"""From news to a report when the container would run dry otherwise; also what one report gathers at least."""
LATER_S = 0.25
MOST_ENDED = 1000
"""Tasks named in a report beside those that ended well; the others come when these are noted."""
_KILLED_CODE = 128 + 9


class Works:
    """`report`: called with all statuses when one has changed; `usage`: of the container."""

    def __init__(
        self,
        supervisor: Supervisor,
        desired: DesiredContainer,
        around: Surroundings,
        usage: Callable[[], Usage],
        report: Callable[[tuple[WorkStatus, ...]], None],
    ) -> None:
        self._supervisor, self._desired, self._around = supervisor, desired, around
        self._usage, self._report = usage, report
        self._wanted: dict[int, Work] = {}
        self._sent: dict[int, Work] = {}
        self._progress: dict[int, Progress] = {}
        self._news: set[int] = set()
        self._refused: dict[int, str] = {}
        self._oom_kills = 0
        self._wake, self._looked = asyncio.Event(), asyncio.Event()
        supervisor.on_news(self._on_news)

    def want(self, works: Sequence[Work]) -> None:
        """All that is wanted from now on."""
        self._wanted = {work.job_id: work for work in works}
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. Raises ContainerGone, VersionMismatch."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._send()
            if self._news:
                await asyncio.sleep(self._patience_s())
                await self._look()
            self._looked.set()

    def cancel(self, grace_s: float) -> None:
        """No task is started any more, and those that run are ended, within their own grace or a shorter one."""
        works = self._wanted.values()
        self.want([dataclasses.replace(work, cancel=True, grace_s=min(grace_s, work.grace_s)) for work in works])

    async def idle(self) -> Ending:
        """Returns when none of its tasks runs."""
        while self.running or self._news or self._wake.is_set():
            self._looked.clear()
            await self._looked.wait()
        return Ending()

    @property
    def running(self) -> int:
        """Tasks, as last heard."""
        return sum(progress.running for progress in self._progress.values())

    def _on_news(self, job_id: int) -> None:
        self._news.add(job_id)
        self._wake.set()

    def _patience_s(self) -> float:
        """What ended waits a little longer to be told while there is enough left to start."""
        return SOON_S if any(self._runs_dry(job_id) for job_id in self._news) else LATER_S

    def _runs_dry(self, job_id: int) -> bool:
        work, progress = self._sent.get(job_id), self._progress.get(job_id)
        if work is None or progress is None or not is_array(work):
            return True
        left = count(work.ranges) - count(progress.status.done) - len(progress.status.ended)
        return left < 4 * len(work.slots) or work.cancel

    async def _send(self) -> None:
        for job_id, sent in list(self._sent.items()):
            if job_id not in self._wanted or self._wanted[job_id].restarts != sent.restarts:
                await self._drop(job_id)
        for job_id, work in self._wanted.items():
            if self._sent.get(job_id) != work:
                await self._tell(work)

    async def _drop(self, job_id: int) -> None:
        await self._supervisor.drop_work(job_id)
        for known in (self._sent, self._progress, self._refused):
            known.pop(job_id, None)
        self._news.discard(job_id)
        self._around.outputs.ended(job_id)

    async def _tell(self, work: Work) -> None:
        """A work that cannot be carried out here has all its tasks fail to start."""
        if work.job_id not in self._sent:
            try:
                await self._give(work)
            except ContainerGone:
                raise
            except HpcschedError as error:
                self._refused[work.job_id] = error.line
        if work.job_id not in self._refused:
            await self._supervisor.want(work.job_id, wish_of(work))
        self._sent[work.job_id] = work
        self._news.add(work.job_id)

    async def _give(self, work: Work) -> None:
        order = await asyncio.to_thread(order_of, work, self._desired, self._around)
        before = await self._supervisor.progress(work.job_id)
        output = self._around.outputs.open_work(work, again=bool(before.status.started or work.restarts))
        try:
            await self._supervisor.give_work(work.job_id, order, output)
        finally:
            os.close(output)

    async def _look(self) -> None:
        """What is wanted now and has news, then all of it is reported."""
        looked, self._news = self._news & set(self._sent), set()
        for job_id in looked:
            if job_id in self._refused:
                self._progress[job_id] = Progress(_refused(self._sent[job_id], self._refused[job_id], self._around.clock()))
            else:
                self._take(job_id, await self._supervisor.progress(job_id))
            if self._sent[job_id].stdout:
                await asyncio.to_thread(self._share_out, self._sent[job_id])
        if looked:
            self._report(tuple(progress.status for progress in self._progress.values()))

    def _share_out(self, work: Work) -> None:
        try:
            self._around.outputs.share_out(work)
        except (HpcschedError, OSError) as error:
            log.warning("job %d: cannot write its tasks' output files: %s", work.job_id, error)

    def _take(self, job_id: int, progress: Progress) -> None:
        before = self._progress.get(job_id)
        known = {end.position: end for end in before.status.ended} if before else {}
        ended = tuple(known.get(end.position) or self._judged(end) for end in progress.status.ended)
        status = dataclasses.replace(progress.status, ended=ended, restarts=self._sent[job_id].restarts)
        self._progress[job_id] = dataclasses.replace(progress, status=status)
        if not is_array(self._sent[job_id]) and (status.done or status.ended):
            self._around.outputs.ended(job_id)

    def _judged(self, end: TaskEnd) -> TaskEnd:
        """A task that SIGKILL ended while the kernel took processes for memory was one of those."""
        if end.cause not in (EndCause.EXIT, EndCause.SIGNAL) or _KILLED_CODE not in (128 + (end.signal or 0), end.exit_code):
            return end
        kills, self._oom_kills = self._oom_kills, self._usage().oom_kills
        if self._oom_kills <= kills:
            return end
        return dataclasses.replace(
            end, cause=EndCause.OUT_OF_MEMORY, message="the kernel killed it at the container's memory limit"
        )


def _refused(work: Work, why: str, now: float) -> WorkStatus:
    positions = (position for first, end in first_of(work.ranges, MOST_ENDED) for position in range(first, end))
    ended = tuple(TaskEnd(position, EndCause.LAUNCH_FAILED, message=why) for position in positions)
    return WorkStatus(work.job_id, ended=ended, end_time=now, restarts=work.restarts)
