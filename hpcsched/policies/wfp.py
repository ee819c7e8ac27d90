"""After WFP (Tang, Lan, Desai & Buettner 2009): who has waited long for what he asked for goes first."""

from __future__ import annotations

from collections.abc import Sequence

from hpcsched.model.job import Job
from hpcsched.model.snapshot import Snapshot
from hpcsched.policies.easy import Easy
from hpcsched.sched.choice import since

NO_LIMIT_S = 86400.0
"""A job without a time limit counts as one with this."""
LONG_WAIT_S = 18 * 3600.0
"""From here on the wait itself counts more and more, whatever was asked for."""


class Wfp(Easy):
    """By `--priority`, then by (wait / time limit)^3 * nodes + (wait / 18 h)^8; backfilling as `easy`, in the same order.

    The first term is the paper's; the second keeps the longest wait in bounds.
    """

    def order(self, snapshot: Snapshot) -> Sequence[Job]:
        now = snapshot.now
        return sorted(snapshot.pending, key=lambda job: (-job.spec.priority, -_score(job, now)))


def _score(job: Job, now: float) -> float:
    wait = max(0.0, now - since(job))
    asked, long = wait / (job.spec.time_limit_s or NO_LIMIT_S), wait / LONG_WAIT_S
    return float(asked * asked * asked * job.spec.nodes + long**8)
