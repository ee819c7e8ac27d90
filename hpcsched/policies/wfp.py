"""After WFP (Tang, Lan, Desai & Buettner 2009): who has waited long for what he asked for goes first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpcsched.model.job import Job
from hpcsched.model.snapshot import Snapshot
from hpcsched.policies.easy import Easy
from hpcsched.sched.choice import since

Figures = tuple[NDArray[np.float64], ...]
"""Of each job: since when it waits, time limit, nodes, priority."""
NO_LIMIT_S = 86400.0
"""A job without a time limit counts as one with this."""
LONG_WAIT_S = 18 * 3600.0
"""From here on the wait itself counts more and more, whatever was asked for."""


class Wfp(Easy):
    """By `--priority`, then by (wait / time limit)^3 * nodes + (wait / 18 h)^8; backfilling as `easy`, in the same order.

    The first term is the paper's; the second keeps the longest wait in bounds.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: tuple[Sequence[Job], Figures] | None = None

    def order(self, snapshot: Snapshot) -> Sequence[Job]:
        jobs = snapshot.pending
        if self._seen is None or self._seen[0] is not jobs:
            self._seen = (jobs, _figures(jobs))
        begun, limits, nodes, priorities = self._seen[1]
        wait = np.maximum(snapshot.now - begun, 0.0)
        asked, long = wait / limits, (wait / LONG_WAIT_S) ** 2
        scores = asked * asked * asked * nodes + (long * long) ** 2
        places = np.lexsort((-scores, -priorities))
        asks = self._fitter.asks.of_all(jobs)
        ordered = [jobs[place] for place in places.tolist()]
        self._fitter.asks.note(ordered, [asks[place] for place in places.tolist()])
        return ordered


def _figures(jobs: Sequence[Job]) -> Figures:
    count = len(jobs)
    return (
        np.fromiter((since(job) for job in jobs), float, count),
        np.fromiter((job.spec.time_limit_s or NO_LIMIT_S for job in jobs), float, count),
        np.fromiter((job.spec.nodes for job in jobs), float, count),
        np.fromiter((job.spec.priority for job in jobs), float, count),
    )
