"""One line on the terminal that says why a job waits, and how far an array is."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from hpcsched.cli.output import clean
from hpcsched.errors import HpcschedError
from hpcsched.model.array import ArrayProgress
from hpcsched.model.job import Job, JobState

if TYPE_CHECKING:
    from hpcsched.client.client import Client

_CLEAR = "\r\x1b[K"
_WAITS = (JobState.PENDING, JobState.CONFIGURING)
_BAR = 30


def sentence(job: Job) -> str:
    """Why it waits, in as much as is known."""
    reason = job.message or (job.reason.value if job.reason.value != "None" else "")
    state = "waits" if job.state is JobState.PENDING else "is being started"
    return clean(f"job {job.id} {state}{': ' if reason else ''}{reason}")


def far(job: Job, array: ArrayProgress) -> str:
    """`job 7  ━━━━━━      12/100 tasks, 1 failed`."""
    done = _BAR * array.ended // array.size
    failed = f", {array.failed} failed" if array.failed else ""
    return f"job {job.id}  {'━' * done}{' ' * (_BAR - done)} {array.ended}/{array.size} tasks{failed}"


class WaitingLine:
    """On stderr from one second on, until the job runs (an array: has ended), `erase` or the block's end; only on a terminal."""

    def __init__(self, client: Client, job_id: int, period_s: float = 1.0) -> None:
        self._client, self._job_id, self._period_s = client, job_id, period_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True) if sys.stderr.isatty() else None

    def __enter__(self) -> WaitingLine:
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.erase()

    def erase(self) -> None:
        if self._thread and not self._done.is_set():
            self._done.set()
            self._thread.join()

    def _draw(self) -> None:
        drawn = False
        while not self._done.wait(self._period_s):
            job = self._job()
            text = _text(job) if job else f"job {self._job_id}: the controller does not answer"
            if not text:
                break
            drawn = True
            _put(_CLEAR + text)
        if drawn:
            _put(_CLEAR)

    def _job(self) -> Job | None:
        try:
            return self._client.job(self._job_id)
        except HpcschedError:
            return None


def _text(job: Job) -> str:
    """Empty when there is nothing to wait for."""
    if job.state in _WAITS:
        return sentence(job)
    return far(job, job.array) if job.array and not job.state.ended else ""


def _put(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
