"""WFP (Tang, Lan, Desai & Buettner 2009): who has waited long for what he asked for goes first, large jobs sooner."""

from __future__ import annotations

from collections.abc import Sequence

from hpcsched.model.job import Job
from hpcsched.model.snapshot import Snapshot
from hpcsched.policies.easy import Easy

NO_LIMIT_S = 86400.0
"""A job without a time limit counts as one with this."""


class Wfp(Easy):
    """By the job's `--priority`, then by (wait / time limit) ** 3 * nodes; backfilling as `easy`, in the same order."""

    def order(self, snapshot: Snapshot) -> Sequence[Job]:
        now = snapshot.now
        return sorted(snapshot.pending, key=lambda job: (-job.spec.priority, -_score(job, now)))


def _score(job: Job, now: float) -> float:
    spec = job.spec
    ratio = (now - (job.eligible_time or job.submit_time)) / (spec.time_limit_s or NO_LIMIT_S)
    return ratio * ratio * ratio * spec.nodes
