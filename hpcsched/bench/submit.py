"""One benchmark run as one job, and its answer."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from hpcsched.bench.about import Size
from hpcsched.bench.suite import Entry
from hpcsched.errors import Conflict, DeadlineExceeded, HpcschedError, Unreachable, WrongResult
from hpcsched.model.container import HOST, Mount, Observed
from hpcsched.model.job import Job, JobSpec, JobState, Reason, ResourceRequest
from hpcsched.model.node import Node

QUEUE_LIMIT_S = 3600.0
"""How long a sample may wait for its node while other people's jobs run there."""
PATIENCE_S = 60.0
"""And how long for a node that is drained, down or not connected."""
CANCEL_TRIES, CANCEL_EVERY_S = 20, 1.0
"""How often a controller that is away is asked to cancel a job."""
GRACE_S = 5
OUTPUT_CAP = 1 << 20

log = logging.getLogger(__name__)


class Jobs(Protocol):
    """What the harness needs of `hpcsched.client.client.Client`."""

    def submit(self, spec: JobSpec, request_id: str | None = None) -> int: ...

    def wait(self, job_id: int, timeout_s: float | None = None) -> Job: ...

    def job(self, job_id: int) -> Job: ...

    def output(self, job_id: int) -> bytes: ...

    def cancel(self, job_id: int) -> Job: ...

    def nodes(self) -> list[Node]: ...


@dataclass(frozen=True, slots=True)
class Setup:
    """The same for all samples of a run. `python` and `cache` are paths on the node. `env`: variables beside those that every job
    has. `nodelist`: nodes that it may run on (empty: any). `image`: of both arms.
    """

    size: Size
    resources: ResourceRequest
    python: str
    cache: Path | None
    env: tuple[tuple[str, str], ...] = ()
    nodelist: tuple[str, ...] = ()
    image: str = HOST


@dataclass(frozen=True, slots=True)
class Way:
    """How a benchmark is run: `start` runs Python, which is given `arguments`. `shown`: folders of the node that this needs in
    the image, at the same place, read-only.
    """

    start: tuple[str, ...]
    arguments: tuple[str, ...]
    image: str = HOST
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """`body`: the JSON object that the script printed."""

    job: Job
    body: dict[str, Any]


def observed(job: Job) -> Observed | None:
    """What the kernel showed on the job's first node."""
    return job.parts[0].observed if job.parts and job.parts[0] is not None else None


def prepare_command(way: Way, setup: Setup) -> tuple[str, ...]:
    cache = ("--cache", str(setup.cache)) if setup.cache else ()
    return (*way.start, *way.arguments, "--size", setup.size, "--prepare", *cache)


def sample_command(way: Way, setup: Setup, settings: str) -> tuple[str, ...]:
    return (*way.start, *way.arguments, "--size", setup.size, "--json", "--settings", settings)


def job_spec(
    entry: Entry, setup: Setup, way: Way, command: tuple[str, ...], runtime: str, mounts: tuple[str, ...] = ()
) -> JobSpec:
    """Two samples of one benchmark differ in `runtime` alone. `mounts`: folders of the node, at the same place, writable."""
    writable = dict.fromkeys((*mounts, *(entry.mounts if way.image != HOST else ())))
    return JobSpec(
        command=command,
        name=f"bench-{entry.about.name}",
        resources=setup.resources,
        runtime=runtime,
        image=way.image,
        time_limit_s=entry.about.time_limit_s(setup.size),
        grace_s=GRACE_S,
        output_cap=OUTPUT_CAP,
        workdir="/",
        mounts=(
            *(Mount(folder, folder) for folder in way.shown),
            *(Mount(folder, folder, read_only=False) for folder in writable),
        ),
        env=tuple({"PYTHONDONTWRITEBYTECODE": "1", **dict(setup.env)}.items()),
        nodelist=setup.nodelist,
    )


def execute(jobs: Jobs, spec: JobSpec, pause: Callable[[float], None] = time.sleep) -> tuple[Job, bytes]:
    """The ended job and its output; a job that is interrupted, does not end or is lost sight of is cancelled.

    Raises DeadlineExceeded, Conflict, Unreachable.
    """
    job_id = _submit(jobs, spec, pause)
    try:
        job = _ended(jobs, job_id, spec.time_limit_s + spec.grace_s + QUEUE_LIMIT_S)
    except (KeyboardInterrupt, DeadlineExceeded, Conflict, Unreachable):
        named = _Left(f"job {job_id}", f"end it with `hpcsched cancel {job_id}`")
        _cancel(lambda: jobs.cancel(job_id), named, pause)
        raise
    return job, jobs.output(job_id)


def _submit(jobs: Jobs, spec: JobSpec, pause: Callable[[float], None]) -> int:
    """Interrupted before the answer, there is a job of unknown id or none: asked again, the same or one that is held."""
    request = uuid.uuid4().hex
    try:
        return jobs.submit(spec, request)
    except KeyboardInterrupt:
        named = _Left(f"a job {spec.name} without a known id", "if `hpcsched jobs` shows it, end it with `hpcsched cancel`")
        _cancel(lambda: jobs.cancel(jobs.submit(replace(spec, hold=True), request)), named, pause)
        raise


@dataclass(frozen=True, slots=True)
class _Left:
    """`name`: of a job that may have to be left, `advice`: how to end it."""

    name: str
    advice: str


def _cancel(attempt: Callable[[], object], job: _Left, pause: Callable[[float], None]) -> None:
    """Waits for a controller that is away, until the user interrupts once more. A job that has to be left is said by name."""
    cancelled = False
    try:
        cancelled = any(_tried(attempt, job, number, pause) for number in range(CANCEL_TRIES))
    finally:
        if not cancelled:
            log.warning("%s is left: the controller does not answer; %s", job.name, job.advice)


def _tried(attempt: Callable[[], object], job: _Left, number: int, pause: Callable[[float], None]) -> bool:
    """Who refuses has no such job."""
    try:
        attempt()
    except (Unreachable, DeadlineExceeded):
        if number == 0:
            log.warning("the controller does not answer: trying for a while to cancel %s; Ctrl-C gives up", job.name)
        pause(CANCEL_EVERY_S)
        return False
    except HpcschedError:
        return True
    return True


def _ended(jobs: Jobs, job_id: int, limit_s: float) -> Job:
    """Waits for as long as it may run or other jobs are before it, but not for nodes that nobody has put into service."""
    for _ in range(math.ceil(limit_s / PATIENCE_S)):
        with contextlib.suppress(DeadlineExceeded):
            return jobs.wait(job_id, timeout_s=PATIENCE_S)
        job = jobs.job(job_id)
        if job.state is JobState.PENDING and job.reason is Reason.REQ_NODE_NOT_AVAIL:
            raise Conflict(f"no node takes job {job_id}: {job.message}; put one into service with `hpcsched resume NAME`")
    raise DeadlineExceeded(f"job {job_id} has not ended within {limit_s:g} s")


def read_answer(job: Job, output: bytes) -> Answer:
    """Raises WrongResult with the job's end, or with what it printed instead of an answer."""
    if job.state is not JobState.COMPLETED:
        raise WrongResult(f"job {job.id} {_end(job)}: {_last_line(output) or job.message or 'no output'}")
    for line in reversed(output.splitlines()):
        body = _json_object(line)
        if body is not None:
            return Answer(job, body)
    raise WrongResult(f"job {job.id} printed no result: {_last_line(output) or 'no output'}")


def _json_object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _end(job: Job) -> str:
    if job.exit_code:
        return f"{job.state} with exit code {job.exit_code}"
    return f"{job.state} by signal {job.signal}" if job.signal else str(job.state)


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:300] if lines else ""
