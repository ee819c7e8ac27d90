"""First come, first served: nobody overtakes the first job that waits for nodes."""

from __future__ import annotations

from hpcsched.model.job import Job, Reason
from hpcsched.model.snapshot import Plan, Snapshot, Start, Wait
from hpcsched.sched.fit import Fitter
from hpcsched.sched.ledger import Ledger


class Fifo:
    """By priority, then by arrival. A job that no node in service could run now blocks nobody."""

    def __init__(self) -> None:
        self._fitter = Fitter()

    def plan(self, snapshot: Snapshot) -> Plan:
        """Looks at no job behind the first that waits for nodes."""
        ledger = Ledger(snapshot.nodes, self._fitter)
        if not ledger.usable:
            return Plan(others=Wait(Reason.REQ_NODE_NOT_AVAIL, _no_nodes(snapshot)))
        starts: list[Start] = []
        waits: dict[int, Wait] = {}
        for job in snapshot.pending:
            allocation = ledger.find(job.spec)
            if allocation is not None:
                ledger.spend(allocation)
                starts.append(Start(job.id, allocation))
            elif ledger.could_run(job.spec):
                waits[job.id] = Wait(Reason.RESOURCES, _needs(job, ledger))
                return Plan(tuple(starts), waits, Wait(Reason.PRIORITY, f"job {job.id} is ahead and waits for nodes"))
            else:
                waits[job.id] = _UNAVAILABLE
        return Plan(tuple(starts), waits)


_UNAVAILABLE = Wait(
    Reason.REQ_NODE_NOT_AVAIL, "the nodes that could run it are drained, down or not connected: see `hpcsched nodes`"
)


def _no_nodes(snapshot: Snapshot) -> str:
    if not snapshot.nodes:
        return "no node has ever connected to this controller: start an agent"
    return f"all {len(snapshot.nodes)} nodes are drained, down or not connected: see `hpcsched nodes`"


def _needs(job: Job, ledger: Ledger) -> str:
    count = job.spec.nodes
    what = "a free node that fits" if count == 1 else f"{count} free nodes that fit"
    return f"first in line; waits for {what}: {len(ledger.free)} of {len(ledger.usable)} nodes in service are free"
