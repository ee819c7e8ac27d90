"""What keeps a job by itself, which a plan that had no node left for it does not come to."""

from __future__ import annotations

from hpcsched.model.job import Job, Reason
from hpcsched.model.snapshot import Wait
from hpcsched.sched.ledger import UNAVAILABLE, Ledger


def own_wait(ledger: Ledger, job: Job) -> Wait | None:
    """Why it would not start now even if it were the first and all nodes in service were free; None: it would."""
    return ledger.why_not(job) or (None if ledger.could_run(job) else UNAVAILABLE)


def real_wait(said: Wait | None, own: Wait | None) -> Wait | None:
    """Of what a plan says and what keeps the job by itself, that which must go first: who is ahead is the last of all."""
    return own if own is not None and (said is None or said.reason is Reason.PRIORITY) else said
