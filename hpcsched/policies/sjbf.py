"""EASY backfilling, the shortest job first (SJBF; Tsafrir, Etsion & Feitelson 2007)."""

from __future__ import annotations

from hpcsched.policies.fifo import Fifo
from hpcsched.sched.backfill import Turn


class Sjbf(Fifo):
    """As `easy`; of the jobs behind the head the one with the shortest time limit is tried first."""

    def overtake(self, turn: Turn) -> None:
        turn.fill(turn.shortest_first())
