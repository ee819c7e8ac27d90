"""What keeps jobs that the last plan did not come to, worked out for those that somebody asks about."""

from __future__ import annotations

import time
from collections.abc import Callable

from hpcsched.model.job import Job, Reason
from hpcsched.model.snapshot import Plan, Wait
from hpcsched.sched.fit import Fitter
from hpcsched.sched.keeping import own_wait, real_wait
from hpcsched.sched.ledger import Ledger
from hpcsched.state.state import State

_REST = 20.0
"""So many times as long as it took to look at the cluster, the answers hold although there is another plan."""


class Reasons:
    """One look at the nodes and what runs serves all jobs of a listing, and jobs that ask for the same are judged once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._fitter = Fitter()
        self._seen: tuple[Plan, Ledger] | None = None
        self._holds_until = 0.0

    def of(self, job: Job, state: State, plan: Plan, now: float) -> Wait | None:
        """Of a pending job: what keeps it out of the queue, else by itself, else what the last plan says; None: no plan yet."""
        said = state.blocked(job.id, now) or plan.wait(job.id)
        if said is None or said.reason is not Reason.PRIORITY:
            return said
        return real_wait(said, own_wait(self._ledger(state, plan, now), job))

    def _ledger(self, state: State, plan: Plan, now: float) -> Ledger:
        begun = self._clock()
        if self._seen is None or (self._seen[0] is not plan and begun >= self._holds_until):
            self._seen = plan, Ledger(state.scene(now), self._fitter)
            ended = self._clock()
            self._holds_until = ended + _REST * (ended - begun)
        return self._seen[1]
