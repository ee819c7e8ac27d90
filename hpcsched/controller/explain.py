"""Answers about why a job waits, runs or ended; the future is replayed beside the loop, for about a second at most."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from hpcsched.controller.desk import Desk
from hpcsched.controller.explain_blockers import alike, blockers, kept, later, later_of, with_supposed
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
from hpcsched.sched.replay import Policy, forked
from hpcsched.state import decide
from hpcsched.state.depending import Ended
from hpcsched.state.events import Event, SubmittedJob
from hpcsched.state.state import State
from hpcsched.state.tables import hold

SECONDS = 1.0
MAX_WAITING = 16
HISTORY = 500
"""Ended jobs that tell how much of their limits jobs use."""
HISTORY_S = 60.0
USUAL_FRACTION = 0.5


class Explainer:
    """One question at a time; others wait."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._fitter = Fitter()
        self._own: Policy = load("policies", desk.config.policy)()
        self._thread = ThreadPoolExecutor(1, "explain")
        self._waiting = 0
        self._fraction, self._fraction_at = USUAL_FRACTION, -HISTORY_S

    async def job(self, job_id: int) -> Explanation:
        """Of a live or an ended job. Raises NotFound, QueueFull."""
        job = await self._desk.job(job_id)
        if job.state.ended:
            return explain_ended(job)
        if not _waits(job):
            return explain_running(job, self._desk.loop.state.jobs.get(job.preempted_by or 0))
        asked: list[Question] = []

        def look(state: State, now: float) -> Sequence[Event]:
            alive = state.jobs.get(job_id)
            asked.extend([_question(state, alive, now)] if alive and _waits(alive) else [])
            return ()

        await self._desk.loop.do(look)
        return await self._answer(asked[0]) if asked else await self.job(job_id)

    async def spec(self, spec: JobSpec) -> Explanation:
        """Of a job that is not submitted. Raises what a submit would raise."""
        asked: list[Question] = []

        def look(state: State, now: float, ended: Ended) -> Sequence[Event]:
            event = decide.submit(state, "dry-run", [spec], now, self._desk.config.max_pending, ended)
            asked.append(_question(state, _supposed(event.jobs[0], now), now))
            return ()

        await self._desk.do_knowing({spec.dependency} - {""}, look)
        return without_id(await self._answer(asked[-1]))

    async def _answer(self, question: Question) -> Explanation:
        if self._waiting >= MAX_WAITING:
            raise QueueFull(f"{self._waiting} explanations are being worked out already: try again in a moment")
        self._waiting += 1
        try:
            policy = forked(self._desk.loop.policy, self._fitter)
            policy = self._own if policy is self._desk.loop.policy else policy
            question = replace(question, fraction=await self._used_of_limits())
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._work_out, question, policy)
        finally:
            self._waiting -= 1

    def _work_out(self, question: Question, policy: Policy) -> Explanation:
        """`policy` is not the loop's, which goes on beside this."""
        begun = time.monotonic()
        question = replace(
            question,
            policy=lambda: forked(policy, self._fitter),
            spent=lambda: (time.monotonic() - begun) / SECONDS,
        )
        return explain_waiting(question, self._fitter)

    async def _used_of_limits(self) -> float:
        """The median part of its limit that an ended job ran."""
        if time.monotonic() - self._fraction_at > HISTORY_S:
            self._fraction_at = time.monotonic()
            self._fraction = fraction_of(await self._desk.records(HISTORY, 0))
        return self._fraction


def without_id(told: Explanation) -> Explanation:
    """The job that it is about has no id yet."""
    plan = (replace(item, job_id=0) if item.job_id == told.job_id else item for item in told.timeline)
    return replace(told, job_id=0, timeline=tuple(plan))


def fraction_of(records: Sequence[Record]) -> float:
    """Of jobs that had a limit and came to their own end; with few of them, what is usual on clusters."""
    parts = [min(1.0, item.ran_s / item.job.spec.time_limit_s) for item in records if _tells(item.job)]
    return max(0.01, statistics.median(parts)) if len(parts) >= 10 else USUAL_FRACTION


def _tells(job: Job) -> bool:
    own_end = job.state in (JobState.COMPLETED, JobState.FAILED, JobState.TIMEOUT)
    return own_end and job.spec.time_limit_s > 0 and not job.spec.array and not job.is_worker


def _waits(job: Job) -> bool:
    """It, or a task of it, has no node."""
    return job.state is JobState.PENDING or bool(job.array and job.array.left)


def _supposed(submitted: SubmittedJob, now: float) -> Job:
    spec = submitted.spec
    tasks = ArrayProgress(len(parse_array(spec.array))) if spec.array else None
    job = Job(submitted.job_id, spec, "", JobState.PENDING, now, eligible_time=max(now, spec.begin_time), array=tasks)
    return hold(job) if spec.hold else job


def _question(state: State, job: Job, now: float) -> Question:
    """The policy is put in where the answer is worked out."""
    found, others = tuple(blockers(state, job, now)), tuple(later(state, now))
    snapshot = kept(state, now)
    if job.id not in state.jobs:
        mine = later_of(state, job, now) if found else None
        others = (*others, mine) if mine else others
        snapshot = snapshot if found else with_supposed(snapshot, job)
    return Question(job, snapshot, _none, found, others, alike(state, others), state.deadlines.all())


def _none() -> Policy:
    raise AssertionError("a question without a policy")
