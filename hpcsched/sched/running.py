"""When running jobs end at the latest, and their nodes, kept from plan to plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import is_

from hpcsched.model.job import Job, JobState
from hpcsched.sched.fleet import Fleet


def end_of(job: Job, now: float) -> float:
    """When its time limit is up, maybe in the past; infinity without a limit and while it is suspended."""
    if job.state is JobState.SUSPENDED or not job.spec.time_limit_s:
        return math.inf
    return (job.start_time or job.granted_time or now) + job.spec.time_limit_s + job.suspended_s


_End = tuple[float, int, int]


class Running:
    """`ends`: (time, mask of nodes, seconds of grace) of jobs with nodes of their own but canaries, by rising time; `nodes`: all
    of these nodes; `workers`: the jobs in whose containers others run; `gives`: one has been told to give nodes up; `sooner`: one
    ends earlier than it was seen to the time before, as its limit is shorter or it is suspended no more.
    """

    def __init__(self) -> None:
        self._seen: Sequence[Job] = ()
        self._epoch = -1
        self._known: dict[int, tuple[Job, _End]] = {}
        """By the identity of those jobs, which are kept here and so have it to themselves."""
        self.ends: list[_End] = []
        self.nodes = 0
        self.workers: list[Job] = []
        self.gives = self.sooner = False
        self._end_was: dict[int, float] = {}
        """By job."""

    def update(self, running: Sequence[Job], fleet: Fleet, now: float) -> None:
        """Look at those jobs that are other objects than last time."""
        self.sooner = False
        same = self._epoch == fleet.epoch and len(running) == len(self._seen)
        if same and all(map(is_, running, self._seen)):
            return
        before = self._known if self._epoch == fleet.epoch else {}
        found = list(map(before.get, map(id, running)))
        self._known = {id(known[0]): known for known in found if known is not None}
        self._seen, self._epoch, self.workers = running, fleet.epoch, []
        for job in [job for job, known in zip(running, found, strict=True) if known is None]:
            self._add(job, fleet, now)
        self._sum_up()

    def _add(self, job: Job, fleet: Fleet, now: float) -> None:
        if job.is_worker:
            self.workers.append(job)
        elif job.worker is None and not job.spec.canary:
            end = end_of(job, now)
            self.sooner = self.sooner or end < self._end_was.get(job.id, end)
            self._known[id(job)] = job, (end, fleet.mask_of(job), job.spec.grace_s)
            if not (job.start_time or job.granted_time):
                self._epoch = -1

    def _sum_up(self) -> None:
        ends, nodes = sorted([end for _, end in self._known.values()]), 0
        for _, mask, _ in ends:
            nodes |= mask
        self.ends, self.nodes = ends, nodes
        self._end_was = {job.id: end for job, (end, _, _) in self._known.values()}
        self.gives = bool([job for job in self._seen if job.preempt_mode is not None])
