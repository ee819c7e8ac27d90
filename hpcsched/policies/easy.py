"""EASY backfilling (Mu'alem & Feitelson 2001): only the first job that waits for nodes has its start reserved."""

from __future__ import annotations

from hpcsched.policies.fifo import Fifo
from hpcsched.sched.backfill import Turn


class Easy(Fifo):
    """By priority, then by arrival; jobs behind the first that waits for nodes start where that does not delay it."""

    def overtake(self, turn: Turn) -> None:
        turn.fill(turn.rows())
