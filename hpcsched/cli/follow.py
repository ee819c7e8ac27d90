"""Following a job to its end, through restarts of the controller."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from hpcsched.errors import Unreachable
from hpcsched.model.job import Job, JobSpec

if TYPE_CHECKING:
    from hpcsched.client.client import Client

PATIENCE_S = 60.0
"""How long a controller that was reached before may be away."""
PAUSE_S = 0.5


def submit(client: Client, spec: JobSpec) -> int:
    """The job's id. Ctrl-C meanwhile cancels it, whether or not its id had come back."""
    request_id = str(uuid.uuid4())
    try:
        return client.submit(spec, request_id)
    except KeyboardInterrupt:
        client.cancel(client.submit(spec, request_id))
        raise


class Output:
    """The output of one job (or of the task with that id) on a node, or on its first, from where it was last read.

    `read` may be called again after any interruption.
    """

    def __init__(
        self, client: Client, job_id: int, write: Callable[[bytes], object], node: str = "", task: int | None = None
    ) -> None:
        self._client, self._job_id, self._write, self._node, self._task = client, job_id, write, node, task
        self.offset = 0

    def read(self) -> Job:
        """Hand on all output until the job, or its task, has ended."""
        for part in self._client.read_output(self._job_id, self.offset, follow=True, node=self._node, task=self._task):
            if isinstance(part, Job):
                return part
            self.offset += len(part)
            self._write(part)
        return self._client.wait(self._job_id) if self._task is None else self._client.job(self._job_id)


def patiently(attempt: Callable[[], Job], patience_s: float = PATIENCE_S) -> Job:
    """The ended job. Raises Unreachable once the controller was away for `patience_s`."""
    away_since = time.monotonic()
    while True:
        began = time.monotonic()
        try:
            return attempt()
        except Unreachable:
            failed = time.monotonic()
            away_since = failed if failed - began > patience_s / 10 else away_since
            if failed - away_since > patience_s:
                raise
            time.sleep(PAUSE_S)


def to_the_end(client: Client, job_id: int, attempt: Callable[[], Job]) -> Job:
    """The ended job, through restarts of the controller and an interrupt."""
    return or_cancelled(client, job_id, lambda: patiently(attempt))


def or_cancelled(client: Client, job_id: int, attempt: Callable[[], Job]) -> Job:
    """The ended job. The first Ctrl-C cancels it, the second leaves it to end by itself (KeyboardInterrupt)."""
    try:
        return attempt()
    except KeyboardInterrupt:
        click.echo(f"hpcsched: cancelling job {job_id}; Ctrl-C again to leave it to end by itself", err=True)
        client.cancel(job_id)
        return attempt()


def write_bytes(data: bytes) -> None:
    """To stdout as it is, at once."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
