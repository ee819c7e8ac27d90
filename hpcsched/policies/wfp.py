"""After WFP (Tang, Lan, Desai & Buettner 2009): who has waited long for what he asked for goes first."""

from __future__ import annotations

import numpy as np

from hpcsched.model.snapshot import Snapshot
from hpcsched.policies.easy import Easy
from hpcsched.sched.waiting import Waiting, by_falling, in_columns

NO_LIMIT_S = 86400.0
"""A job without a time limit counts as one with this."""
LONG_WAIT_S = 18 * 3600.0
"""From here on the wait itself counts more and more, whatever was asked for."""


class Wfp(Easy):
    """By `--priority`, then by (wait / time limit)^3 * nodes + (wait / 18 h)^8; backfilling as `easy`, in the same order.

    The first term is the paper's; the second keeps the longest wait in bounds.
    """

    def order(self, snapshot: Snapshot) -> Waiting:
        jobs = in_columns(snapshot.pending)
        limits, nodes = jobs.column("limit"), jobs.column("nodes")
        wait = np.maximum(snapshot.now - jobs.column("since"), 0.0)
        asked, long = wait / np.where(np.isinf(limits), NO_LIMIT_S, limits), (wait / LONG_WAIT_S) ** 2
        scores = asked * asked * asked * nodes + (long * long) ** 2
        levels, places = jobs.column("level"), np.arange(len(jobs))
        alike = not len(jobs) or np.ptp(levels) == 0
        return jobs.picked(by_falling(scores, places) if alike else np.lexsort((-scores, -levels)))
