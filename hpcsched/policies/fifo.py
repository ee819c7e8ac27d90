"""First come, first served: nobody overtakes the first job that waits for nodes."""

from __future__ import annotations

from hpcsched.model.snapshot import Plan, Snapshot
from hpcsched.sched.backfill import Turn, no_nodes
from hpcsched.sched.choice import overdue_first
from hpcsched.sched.fit import Fitter
from hpcsched.sched.ledger import Ledger
from hpcsched.sched.preempt import with_preemptions
from hpcsched.sched.waiting import Waiting, in_columns


class Fifo:
    """By priority, then by arrival. A job that no node in service could run now, or that may not start yet, blocks nobody."""

    def __init__(self) -> None:
        self._fitter = Fitter()

    def plan(self, snapshot: Snapshot) -> Plan:
        """Looks at no job behind the first that waits for nodes."""
        ledger = Ledger(snapshot, self._fitter)
        if not ledger.serving:
            return Plan(others=no_nodes(ledger))
        turn = Turn(ledger, overdue_first(self.order(snapshot), snapshot))
        turn.in_order()
        if turn.head is not None and (ledger.free or ledger.shares):
            self.overtake(turn)
        return with_preemptions(turn.plan(), ledger)

    def order(self, snapshot: Snapshot) -> Waiting:
        return in_columns(snapshot.pending)

    def overtake(self, turn: Turn) -> None:
        """Start jobs behind the head."""
