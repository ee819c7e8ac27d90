"""After WFP (Tang, Lan, Desai & Buettner 2009): who has waited long for what he asked for goes first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpcsched.model.job import Job
from hpcsched.model.snapshot import Snapshot
from hpcsched.policies.easy import Easy
from hpcsched.sched.waiting import column, in_columns

NO_LIMIT_S = 86400.0
"""A job without a time limit counts as one with this."""
LONG_WAIT_S = 18 * 3600.0
"""From here on the wait itself counts more and more, whatever was asked for."""


class Wfp(Easy):
    """By `--priority`, then by (wait / time limit)^3 * nodes + (wait / 18 h)^8; backfilling as `easy`, in the same order.

    The first term is the paper's; the second keeps the longest wait in bounds.
    """

    def order(self, snapshot: Snapshot) -> Sequence[Job]:
        jobs = snapshot.pending
        limits, nodes = column(jobs, "limit"), column(jobs, "nodes")
        wait = np.maximum(snapshot.now - column(jobs, "since"), 0.0)
        asked, long = wait / np.where(np.isinf(limits), NO_LIMIT_S, limits), (wait / LONG_WAIT_S) ** 2
        scores = asked * asked * asked * nodes + (long * long) ** 2
        return in_columns(jobs).picked(np.lexsort((-scores, -column(jobs, "level"))))
