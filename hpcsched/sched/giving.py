"""Nodes that are on their way from preempted jobs to others, as masks of ranks."""

from __future__ import annotations

from hpcsched.model.job import Job
from hpcsched.model.node import Node
from hpcsched.model.site import PreemptMode
from hpcsched.model.snapshot import Snapshot
from hpcsched.sched import bits
from hpcsched.sched.fleet import Fleet, in_service

HOLD_S = 60.0
"""What a job gave up is for the other for this time, and the grace of those that give up with it; then it may have it back."""


class Giving:
    """`due`: nodes that are given up and come free in a moment. `frozen`: nodes on which jobs wait frozen, which go on there
    before any other starts. `kept`: those of them on which nothing runs, by the job that they were given up for. `takers`: jobs
    for which nodes are, or are being, given up. `gives`: some running job has been told to give nodes up.
    """

    def __init__(self, snapshot: Snapshot, fleet: Fleet, gives: bool) -> None:
        self.due = self.frozen = 0
        self.kept: dict[int, int] = {}
        self.takers: set[int] = set()
        if not gives and not any(qos.preempt for qos in snapshot.site.qos):
            return
        for job in snapshot.running:
            if job.preempt_mode is not None:
                self._add(job, fleet)
        cleaning = (rank for rank, node in enumerate(fleet.nodes) if _is_cleaned(node))
        self.due = (self.due | bits.of(cleaning)) & fleet.serving & ~self.frozen

    def _add(self, job: Job, fleet: Fleet) -> None:
        if job.preempted_by is not None:
            self.takers.add(job.preempted_by)
        for rank in bits.ranks(fleet.mask_of(job)):
            node, bit = fleet.nodes[rank], 1 << rank
            if job.id in node.suspended:
                self.frozen |= bit
                self._keep(job, node, bit)
            elif node.job_id == job.id:
                self.due |= bit

    def _keep(self, job: Job, node: Node, bit: int) -> None:
        on_top = job.preempt_mode is PreemptMode.SUSPEND and node.suspended[-1] == job.id
        if on_top and not node.busy and in_service(node) and job.preempted_by is not None:
            self.kept[job.preempted_by] = self.kept.get(job.preempted_by, 0) | bit


def _is_cleaned(node: Node) -> bool:
    return node.job_id is None and bool(node.cleaning)
