"""Keeps a run on the node where it began: two nodes are never equal, and what a benchmark compiled lies on one of them."""

from __future__ import annotations

import dataclasses

from hpcsched.bench.submit import Jobs
from hpcsched.model.job import Job, JobSpec, JobState
from hpcsched.model.node import Node


class Staying:
    """Those jobs, of which all that follow the first that completed go where that one ran."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._where: tuple[str, ...] = ()

    def submit(self, spec: JobSpec, request_id: str | None = None) -> int:
        return self._jobs.submit(dataclasses.replace(spec, nodelist=self._where or spec.nodelist), request_id)

    def wait(self, job_id: int, timeout_s: float | None = None) -> Job:
        job = self._jobs.wait(job_id, timeout_s)
        if not self._where and job.state is JobState.COMPLETED and job.allocation:
            self._where = job.allocation.nodes
        return job

    def job(self, job_id: int) -> Job:
        return self._jobs.job(job_id)

    def output(self, job_id: int) -> bytes:
        return self._jobs.output(job_id)

    def cancel(self, job_id: int) -> Job:
        return self._jobs.cancel(job_id)

    def nodes(self) -> list[Node]:
        return self._jobs.nodes()
