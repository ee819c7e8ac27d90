"""The priority of waiting jobs, with fair share looked at again every `PERIOD_S`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from hpcsched.model.job import Job
from hpcsched.model.site import Site
from hpcsched.sched.fairfactors import User, fair_factors
from hpcsched.sched.ranks import ranks_of
from hpcsched.sched.waiting import Waiting, in_columns
from hpcsched.state.order import Ranks
from hpcsched.state.queue import PERIOD_S


class Ranking:
    """Jobs that come in between are ranked by the shares that the others were ranked by."""

    def __init__(self) -> None:
        self._at = -math.inf
        self._shares: dict[User, float] = {}

    def of(self, jobs: Sequence[Job], site: Site, usage: Mapping[User, float], now: float, nodes: int) -> Sequence[float]:
        """`usage` names all who have jobs; `nodes`: how many the cluster has."""
        waiting = in_columns(jobs)
        if site.weights.fair_share and self._is_old(waiting, now):
            self._at, self._shares = now, {**dict.fromkeys(usage, 0.0), **fair_factors(site, usage)}
        return Ranks(ranks_of(waiting, site, self._shares, now, nodes))

    def _is_old(self, jobs: Waiting, now: float) -> bool:
        if abs(now - self._at) >= PERIOD_S:
            return True
        here = np.unique(jobs.columns.ints["user"][jobs.rows])
        users = jobs.columns.words["user"].all()
        return any(users[number] not in self._shares for number in here.tolist())
