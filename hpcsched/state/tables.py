"""What the controller remembers, with the few ways to change it."""

from __future__ import annotations

from dataclasses import replace

from hpcsched.model.job import Job, JobSpec, JobState, Reason
from hpcsched.model.node import Node
from hpcsched.model.reservation import Reservation
from hpcsched.state.queue import Queue


class Tables:
    """Live jobs by id and nodes by name; a job that ended is in none of them.

    `queue`: pending and not held. `active`: with an allocation. `jobs` holds those, and the held ones.
    """

    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.nodes: dict[str, Node] = {}
        self.reservations: dict[str, Reservation] = {}
        self.queue = Queue()
        self.active: dict[int, Job] = {}
        self.next_job_id = 1
        self.last_time = 0.0
        self.spec_bytes = 0
        """Of all live jobs: what their scripts, commands and environments take."""
        self._requests: dict[str, tuple[int, int, int]] = {}

    @property
    def pending_count(self) -> int:
        """Pending jobs, held ones too."""
        return len(self.jobs) - len(self.active)

    @property
    def request_count(self) -> int:
        """Requests with live jobs."""
        return len(self._requests)

    def request(self, request_id: str) -> tuple[int, ...]:
        """Live jobs that this request made, by id."""
        first, last, _ = self._requests.get(request_id, (1, 0, 0))
        return tuple(number for number in range(first, last + 1) if self._made_by(number, request_id))

    def _made_by(self, job_id: int, request_id: str) -> bool:
        job = self.jobs.get(job_id)
        return job is not None and job.request_id == request_id

    def add_job(self, job: Job) -> None:
        """A job that was not there before."""
        first, last, alive = self._requests.get(job.request_id, (job.id, job.id, 0))
        self._requests[job.request_id] = (min(first, job.id), max(last, job.id), alive + 1)
        self.next_job_id = max(self.next_job_id, job.id + 1)
        self.spec_bytes += spec_bytes(job.spec)
        self.put_job(job)

    def put_job(self, job: Job) -> None:
        """Replace the job of that id."""
        self.jobs[job.id] = job
        if job.state is JobState.PENDING and not job.held:
            self.queue.put(job)
            return
        self.queue.drop(job)
        if job.state is not JobState.PENDING:
            self.active[job.id] = job

    def drop_job(self, job: Job) -> None:
        """It ended."""
        del self.jobs[job.id]
        self.spec_bytes -= spec_bytes(job.spec)
        self.queue.drop(job)
        self.active.pop(job.id, None)
        first, last, alive = self._requests.pop(job.request_id)
        if alive > 1:
            self._requests[job.request_id] = (first, last, alive - 1)

    def put_node(self, node: Node) -> None:
        self.nodes[node.name] = node


def hold(job: Job) -> Job:
    """The pending job, held by its user."""
    return replace(job, reason=Reason.JOB_HELD, message=f"held until `hpcsched release {job.id}`")


def spec_bytes(spec: JobSpec) -> int:
    """Characters of what may be long in it."""
    return len(spec.script) + sum(map(len, spec.command)) + sum(len(name) + len(value) for name, value in spec.env)
