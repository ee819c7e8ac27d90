"""What becomes of a benchmark's job when nobody waits for it any longer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsched.bench.submit import CANCEL_TRIES, execute
from hpcsched.errors import QueueFull, Unreachable
from hpcsched.model.job import Job, JobSpec
from hpcsched.testing.jobs import FakeJobs

SPEC = JobSpec(("true",))
TRYING = "the controller does not answer: trying for a while to cancel job 1; Ctrl-C gives up"
LEFT = "job 1 is left: the controller does not answer; end it with `hpcsched cancel 1`"


class Away(FakeJobs):
    """It is interrupted while it waits; then nothing answers for so many calls."""

    calls = CANCEL_TRIES

    def wait(self, job_id: int, timeout_s: float | None = None) -> Job:
        raise KeyboardInterrupt

    def cancel(self, job_id: int) -> Job:
        self.calls -= 1
        if self.calls >= 0:
            raise Unreachable("no controller")
        return FakeJobs.cancel(self, job_id)


def nothing(_wait_s: float) -> None: ...


def test_a_controller_that_comes_back_is_told_to_cancel(caplog: pytest.LogCaptureFixture) -> None:
    jobs = Away()
    jobs.calls = CANCEL_TRIES - 1
    with pytest.raises(KeyboardInterrupt):
        execute(jobs, SPEC, nothing)
    assert jobs.cancelled == [1]
    assert caplog.messages == [TRYING]


def test_a_job_that_cannot_be_cancelled_is_said_by_name(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyboardInterrupt):
        execute(Away(), SPEC, nothing)
    assert caplog.messages == [TRYING, LEFT]


def test_who_interrupts_once_more_need_not_wait(caplog: pytest.LogCaptureFixture) -> None:
    def impatient(_wait_s: float) -> None:
        raise KeyboardInterrupt

    jobs = Away()
    with pytest.raises(KeyboardInterrupt):
        execute(jobs, SPEC, impatient)
    assert jobs.calls == CANCEL_TRIES - 1
    assert caplog.messages == [TRYING, LEFT]


class Unanswered(FakeJobs):
    """The first submit is interrupted, then comes what `then` raises."""

    accepted = True
    then: Exception | None = None
    asked = 0

    def submit(self, spec: JobSpec, request_id: str | None = None) -> int:
        self.asked += 1
        if self.asked == 2 and self.then:
            raise self.then
        if self.asked > 1 or self.accepted:
            FakeJobs.submit(self, spec, request_id)
        if self.asked == 1:
            raise KeyboardInterrupt
        return len(self.specs)


def test_a_job_that_was_accepted_before_anybody_knew_its_id_is_cancelled() -> None:
    jobs = Unanswered()
    with pytest.raises(KeyboardInterrupt):
        execute(jobs, SPEC, nothing)
    assert (jobs.specs, jobs.cancelled) == ([SPEC], [1])


def test_a_job_that_was_not_accepted_yet_never_starts() -> None:
    jobs = Unanswered()
    jobs.accepted = False
    with pytest.raises(KeyboardInterrupt):
        execute(jobs, SPEC, nothing)
    assert (jobs.specs, jobs.cancelled) == ([replace(SPEC, hold=True)], [1])


@pytest.mark.parametrize(("then", "cancelled"), [(Unreachable("no controller"), [1]), (QueueFull("no more"), [])])
def test_a_submit_that_is_interrupted_ends_as_an_interrupt(then: Exception, cancelled: list[int]) -> None:
    jobs = Unanswered()
    jobs.accepted, jobs.then = bool(cancelled), then
    with pytest.raises(KeyboardInterrupt):
        execute(jobs, SPEC, nothing)
    assert jobs.cancelled == cancelled
