"""Who gives nodes up for the first job that waits for nodes, when its QOS may take them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from hpcsched.model.job import Job, JobState, Reason
from hpcsched.model.node import Node
from hpcsched.model.site import PreemptMode, Qos
from hpcsched.model.snapshot import Plan, Preempt, Snapshot, Start, Wait
from hpcsched.sched import bits
from hpcsched.sched.ledger import Ledger
from hpcsched.sched.running import end_of

Could = Callable[[Job], Collection[str]]
"""Names of all nodes in service, busy or not, that the job might have from now until its limit."""
WhyNot = Callable[[Job], Wait | None]
"""What keeps a job from starting, however many nodes were free."""


@dataclass(frozen=True, slots=True)
class _Victim:
    """`cost`: lower is taken first. `nodes`: those that the other job could use."""

    job: Job
    mode: PreemptMode
    cost: tuple[float, float, int]
    nodes: frozenset[str]
    grace_s: int


def with_preemptions(plan: Plan, ledger: Ledger) -> Plan:
    """The end of every policy: the first job that waits for nodes starts on those that were given up for it, or takes more."""
    if not any(qos.preempt for qos in ledger.snapshot.site.qos):
        return plan
    job = _first_blocked(ledger.snapshot, plan, ledger.why_not)
    start = _on_kept(job, ledger) if job else None
    if start is not None:
        waits = {job_id: wait for job_id, wait in plan.waits.items() if job_id != start.job_id}
        return replace(plan, starts=(*plan.starts, start), waits=waits)
    return replace(plan, preempts=preemptions(ledger.snapshot, plan, ledger.could_have, ledger.why_not))


def _on_kept(job: Job, ledger: Ledger) -> Start | None:
    kept, ask = ledger.kept(job), ledger.ask(job)
    there = ledger.open(ask, ledger.free | kept) if kept and not ask.slots else 0
    if there.bit_count() < max(1, ask.nodes) or not there & kept:
        return None
    start = ledger.start(job, bits.lowest(there, ledger.most(job, ask)))
    ledger.spend(start)
    return start


def preemptions(snapshot: Snapshot, plan: Plan, could: Could, why_not: WhyNot = lambda job: None) -> tuple[Preempt, ...]:
    """The cheapest jobs whose nodes, with those free or coming free already, are enough for the first that waits for nodes.

    Cheapest: of the lowest QOS priority, then the youngest. No one gives nodes up when all of them together are too few, nor
    a second time for the same job, nor when those told before are enough.
    """
    qualities = {qos.name: qos for qos in snapshot.site.qos}
    if not any(qos.preempt for qos in snapshot.site.qos):
        return ()
    job = _first_blocked(snapshot, plan, why_not)
    mine = qualities.get(job.spec.qos) if job else None
    if job is None or mine is None or not mine.preempt:
        return ()
    usable = frozenset(could(job)).difference(*(start.allocation.nodes for start in plan.starts))
    missing = job.spec.nodes - len(usable & _ready(snapshot, job))
    chosen = _choose(_victims(snapshot, job, qualities, usable), missing) if missing > 0 else []
    longest = max((victim.grace_s for victim in chosen), default=0)
    return tuple(Preempt(victim.job.id, job.id, victim.mode, _grace(victim, longest)) for victim in chosen)


def may_take(qualities: Mapping[str, Qos], taker: Job, victim: Job) -> PreemptMode | None:
    """How the victim gives its nodes up; None: it need not."""
    mine, its = qualities.get(taker.spec.qos), qualities.get(victim.spec.qos)
    if mine is None or its is None or its.name not in mine.preempt or its.preempt_mode is PreemptMode.OFF:
        return None
    if its.preempt_mode is PreemptMode.REQUEUE and not victim.spec.requeue:
        return PreemptMode.CANCEL
    return its.preempt_mode


def held_for(nodes: Iterable[Node], running: Iterable[Job]) -> dict[int, list[str]]:
    """By job, nodes on which nothing runs and others wait frozen: they gave them up for it, and it alone may have them."""
    taker = {job.id: job.preempted_by for job in running if job.preempt_mode is PreemptMode.SUSPEND}
    held: dict[int, list[str]] = {}
    for node in nodes:
        by = taker.get(node.suspended[-1]) if node.suspended and not node.busy else None
        if by is not None:
            held.setdefault(by, []).append(node.name)
    return held


def _first_blocked(snapshot: Snapshot, plan: Plan, why_not: WhyNot) -> Job | None:
    """Policies do not look at all of the others: one that a limit keeps does not wait for nodes."""
    started = {start.job_id for start in plan.starts}
    for job in snapshot.pending:
        wait = None if job.id in started else plan.wait(job.id)
        if wait and wait.reason in (Reason.RESOURCES, Reason.PRIORITY) and why_not(job) is None:
            return job
    return None


def _ready(snapshot: Snapshot, job: Job) -> frozenset[str]:
    """Free, or free for this job soon without anyone being told."""
    now = snapshot.now
    ending = {other.id for other in snapshot.running if _is_leaving(other) or other.spec.canary or end_of(other, now) <= now}
    held = held_for(snapshot.nodes, snapshot.running).get(job.id, [])
    idle = (node.name for node in snapshot.nodes if not node.suspended and (node.job_id is None or node.job_id in ending))
    return frozenset((*idle, *held))


def _is_leaving(job: Job) -> bool:
    return job.state is JobState.COMPLETING or job.cancel_requested or job.preempt_mode is not None


def _victims(snapshot: Snapshot, job: Job, qualities: Mapping[str, Qos], usable: frozenset[str]) -> Iterator[_Victim]:
    owners = {node.name: node.job_id for node in snapshot.nodes}
    for other in snapshot.running:
        mode = may_take(qualities, job, other)
        if mode is None or not _can_give(other, mode) or other.preempted_by == job.id or other.allocation is None:
            continue
        nodes = frozenset(name for name in other.allocation.nodes if name in usable and owners.get(name) == other.id)
        if nodes:
            its = qualities[other.spec.qos]
            cost = (its.priority, -(other.start_time or other.granted_time), -other.id)
            yield _Victim(other, mode, cost, nodes, its.grace_s)


def _can_give(job: Job, mode: PreemptMode) -> bool:
    """What is only being started cannot be frozen; a worker is dismissed instead, and a slot is not a node."""
    states = (JobState.RUNNING,) if mode is PreemptMode.SUSPEND else (JobState.RUNNING, JobState.CONFIGURING)
    return job.state in states and not _is_leaving(job) and not job.is_worker and job.worker is None


def _choose(victims: Iterable[_Victim], missing: int) -> list[_Victim]:
    """The cheapest that are enough, without those that the others make superfluous; none when all are too few."""
    chosen: list[_Victim] = []
    for victim in sorted(victims, key=lambda victim: victim.cost):
        if missing <= 0:
            break
        chosen.append(victim)
        missing -= len(victim.nodes)
    if missing > 0:
        return []
    for victim in reversed(chosen[:-1]):
        if missing + len(victim.nodes) <= 0:
            chosen.remove(victim)
            missing += len(victim.nodes)
    return chosen


def _grace(victim: _Victim, longest: int) -> int:
    """A frozen job waits for as long as the others have before it goes on in case its nodes are not taken."""
    return longest if victim.mode is PreemptMode.SUSPEND else victim.grace_s
