"""Answers about why a job waits, runs or ended; the future is replayed beside the loop, for about a second at most."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from hpcsched.controller.desk import Desk
from hpcsched.controller.explain_blockers import blockers, kept, later, later_of, with_supposed
from hpcsched.errors import QueueFull
from hpcsched.model.array import ArrayProgress, parse_array
from hpcsched.model.explanation import Explanation
from hpcsched.model.job import Job, JobSpec, JobState
from hpcsched.model.record import Record
from hpcsched.plugins import load
from hpcsched.sched.explain import explain_waiting
from hpcsched.sched.explain_known import explain_ended, explain_running
from hpcsched.sched.fit import Fitter
from hpcsched.sched.question import Question
from hpcsched.state import decide
from hpcsched.state.state import State

SECONDS = 1.0
MAX_WAITING = 16
HISTORY = 500
"""Ended jobs that tell how much of their limits jobs use."""
HISTORY_S = 60.0
USUAL_FRACTION = 0.5


class Explainer:
    """One question at a time; others wait."""

    def __init__(self, desk: Desk, clock: Callable[[], float] = time.time) -> None:
        self._desk, self._clock = desk, clock
        self._policy: Any = load("policies", desk.config.policy)()
        self._fitter = Fitter()
        self._thread = ThreadPoolExecutor(1, "explain")
        self._waiting = 0
        self._fraction, self._fraction_at = USUAL_FRACTION, -HISTORY_S

    async def job(self, job_id: int) -> Explanation:
        """Of a live or an ended job. Raises NotFound, QueueFull."""
        job = await self._desk.job(job_id)
        if job.state.ended:
            return explain_ended(job)
        if job.state is not JobState.PENDING and not (job.array and job.array.left):
            return explain_running(job)
        fraction = await self._used_of_limits()
        now, state = self._now(), self._desk.loop.state
        alive = state.jobs.get(job_id)
        return (
            await self._answer(_question(state, alive, now), fraction) if alive else explain_ended(await self._desk.job(job_id))
        )

    async def spec(self, spec: JobSpec) -> Explanation:
        """Of a job that is not submitted. Raises what a submit would raise."""
        fraction = await self._used_of_limits()
        await self._desk.loop.settled()
        now, state = self._now(), self._desk.loop.state
        event = decide.submit(state, "dry-run", [spec], now, self._desk.config.max_pending)
        (submitted,) = event.jobs
        since = max(now, submitted.spec.begin_time)
        supposed = Job(
            submitted.job_id, submitted.spec, "dry-run", JobState.PENDING, now, eligible_time=since, array=_tasks(spec)
        )
        return replace(await self._answer(_question(state, supposed, now), fraction), job_id=0)

    def _now(self) -> float:
        return max(self._clock(), self._desk.loop.state.last_time)

    async def _answer(self, question: Question, fraction: float) -> Explanation:
        if self._waiting >= MAX_WAITING:
            raise QueueFull(f"{self._waiting} explanations are being worked out already: try again in a moment")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._work_out, question, fraction)
        finally:
            self._waiting -= 1

    def _work_out(self, question: Question, fraction: float) -> Explanation:
        begun = time.monotonic()
        question = replace(
            question,
            policy=lambda: self._policy,
            fraction=fraction,
            spent=lambda: (time.monotonic() - begun) / SECONDS,
        )
        return explain_waiting(question, self._policy.plan(question.snapshot), self._fitter)

    async def _used_of_limits(self) -> float:
        """The median part of its limit that an ended job ran."""
        if time.monotonic() - self._fraction_at > HISTORY_S:
            self._fraction_at = time.monotonic()
            self._fraction = fraction_of(await self._desk.records(HISTORY, 0))
        return self._fraction


def fraction_of(records: Sequence[Record]) -> float:
    """Of jobs that had a limit and came to their own end; with few of them, what is usual on clusters."""
    parts = [min(1.0, item.ran_s / item.job.spec.time_limit_s) for item in records if _tells(item.job)]
    return max(0.01, statistics.median(parts)) if len(parts) >= 10 else USUAL_FRACTION


def _tells(job: Job) -> bool:
    own_end = job.state in (JobState.COMPLETED, JobState.FAILED, JobState.TIMEOUT)
    return own_end and job.spec.time_limit_s > 0 and not job.spec.array and not job.is_worker


def _tasks(spec: JobSpec) -> ArrayProgress | None:
    return ArrayProgress(len(parse_array(spec.array))) if spec.array else None


def _question(state: State, job: Job, now: float) -> Question:
    found = tuple(blockers(state, job, now))
    if job.id in state.jobs:
        return Question(job, kept(state, now), _none, found, tuple(later(state, now)))
    mine = later_of(state, job, now)
    others = tuple(later(state, now))
    if found:
        return Question(job, kept(state, now), _none, found, (*others, mine) if mine else others)
    return Question(job, with_supposed(kept(state, now), job), _none, (), others)


def _none() -> Any:
    raise AssertionError("a question without a policy")
