"""The nodes of a replay: which jobs have them, and until when."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

from hpcsched.model.job import Job, JobState
from hpcsched.model.node import Node
from hpcsched.sched.replay_length import Length

SOON_S = 1.0
"""When what is over already, or being cleaned up, is thought to be gone."""


class Nodes:
    """`nodes` by name and `running` jobs by id. `freed`: nodes that came free since someone last emptied it, and when.

    `finishes`: when a job ends, unless nobody knows; `seen`: the jobs that have run; `gave_way`: when one gave its nodes up
    before its end, the first time. Workers are in none of them.
    """

    def __init__(self, nodes: Iterable[Node], length: Length) -> None:
        self.nodes = {node.name: _clean(node) for node in nodes}
        self.running: dict[int, Job] = {}
        self.freed: dict[str, float] = {}
        self.finishes: dict[int, float] = {}
        self.seen: dict[int, Job] = {}
        self.gave_way: dict[int, float] = {}
        self._length = length
        self._ends: list[tuple[float, int, int]] = []
        self._resumes: dict[int, float] = {}

    def next_end(self) -> float:
        """Infinity: none is known."""
        return self._ends[0][0] if self._ends else math.inf

    def ends(self, until: float) -> Iterator[tuple[float, int]]:
        """Times and ids of jobs, also of those that what is done about the ones before adds."""
        while self._ends and self._ends[0][0] <= until:
            end, _, job_id = heapq.heappop(self._ends)
            yield end, job_id

    def runs_already(self, job: Job, now: float) -> None:
        """Of a worker it is not known how far its tasks are: they are thought to begin now."""
        self.running[job.id] = job
        if not job.is_worker:
            self.seen[job.id] = job
        left = self._length(replace(job, start_time=now) if job.is_worker else job, now)
        if job.state is JobState.SUSPENDED:
            self._resumes[job.id] = left
        elif not math.isinf(left):
            self._push(now + max(left, SOON_S), job)

    def take(self, job: Job) -> None:
        self.running[job.id] = job
        if job.worker is None and job.allocation:
            for name in job.allocation.nodes:
                self.nodes[name] = replace(self.nodes[name], job_id=job.id)

    def end_after(self, job: Job, time: float) -> None:
        """It runs since then."""
        left = self._length(job, time)
        if not math.isinf(left):
            self._push(time + left, job)

    def has_some(self, job: Job) -> bool:
        """Not all of its nodes went to the one that it was frozen for."""
        return any(self.nodes[name].job_id == job.id for name in (job.allocation.nodes if job.allocation else ()))

    def cut(self, job: Job, time: float) -> None:
        """It gives its nodes up then, or earlier where it ends by itself; from now on all that it has of them is in use."""
        self._ends = [end for end in self._ends if end[2] != job.id]
        heapq.heapify(self._ends)
        self._resumes.pop(job.id, None)
        for name in job.allocation.nodes if job.allocation else ():
            rest = tuple(number for number in self.nodes[name].suspended if number != job.id)
            self.nodes[name] = replace(self.nodes[name], suspended=rest)
        self.running[job.id] = job
        self.gave_way.setdefault(job.id, time)
        heapq.heappush(self._ends, (time, len(self.seen), job.id))

    def drop(self, job: Job, time: float) -> None:
        del self.running[job.id]
        for name in job.allocation.nodes if job.allocation and job.worker is None else ():
            if self.nodes[name].job_id == job.id:
                self._free(name, time)

    def _free(self, name: str, time: float) -> None:
        """Or back to the job that was frozen there, as soon as all of its nodes are."""
        self.nodes[name] = node = replace(self.nodes[name], job_id=None)
        self.freed[name] = time
        frozen = self.running.get(node.suspended[-1]) if node.suspended else None
        names = frozen.allocation.nodes if frozen and frozen.allocation else ()
        if frozen is None or any(self.nodes[other].job_id is not None for other in names):
            return
        for other in names:
            rest = tuple(number for number in self.nodes[other].suspended if number != frozen.id)
            self.nodes[other] = replace(self.nodes[other], job_id=frozen.id, suspended=rest)
        self.running[frozen.id] = replace(frozen, state=JobState.RUNNING)
        left = self._resumes.pop(frozen.id, math.inf)
        if not math.isinf(left):
            self._push(time + left, frozen)

    def _push(self, end: float, job: Job) -> None:
        heapq.heappush(self._ends, (end, len(self.seen), job.id))
        if not job.is_worker:
            self.finishes[job.id] = end


def _clean(node: Node) -> Node:
    """Soon, and so are canaries."""
    if node.canary:
        return replace(node, job_id=None, cleaning=(), canary=False)
    return replace(node, cleaning=()) if node.cleaning else node
