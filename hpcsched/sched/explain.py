"""Why a job waits, who is ahead, when it will start, and what would start it earlier."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from hpcsched.model.explanation import Ahead, Blocker, Explanation, Factor, Planned
from hpcsched.model.job import Job, JobSpec, Reason
from hpcsched.model.snapshot import Plan, Snapshot, Start, Wait
from hpcsched.model.units import format_duration
from hpcsched.sched.cheaper import changes
from hpcsched.sched.explain_known import shown
from hpcsched.sched.fit import Fitter
from hpcsched.sched.keeping import own_wait, real_wait
from hpcsched.sched.ledger import Ledger
from hpcsched.sched.priority import factors_of
from hpcsched.sched.question import BEHIND, Question, place_of, shares_of
from hpcsched.sched.replay import Policy, Replay
from hpcsched.sched.replay_length import part_of_the_limit, to_the_limit
from hpcsched.sched.reserved import moment
from hpcsched.sched.survey import survey
from hpcsched.sched.waiting import in_columns

MOST_AHEAD = 10
MOST_PLANNED = 12
OWN_ORDER = "the policy puts jobs in an order of its own: who is ahead does not follow from the priorities"
JUST_BEGUN = "tasks of arrays that run now are thought to have just begun: it may start earlier by as long as one of them takes"
_LATEST, _EARLIEST, _CHANGES = 0.5, 0.75, 1.0
"""Up to which part of the time each may go on."""


def explain_waiting(question: Question, fitter: Fitter) -> Explanation:
    job, policy = question.job, question.policy()
    snapshot = _as_planned(question.snapshot, policy)
    own_order = _ids(snapshot) != _ids(question.snapshot)
    question = replace(question, snapshot=snapshot)
    place = place_of(snapshot, job.id)
    plan = policy.plan(snapshot)
    start = next((start for start in plan.starts if start.job_id == job.id), None)
    ledger = Ledger(snapshot, fitter)
    waits = _waits(job, ledger, plan) if place >= 0 and start is None else ()
    blockers = (*question.blockers, *(Blocker(wait.reason, wait.message) for wait in waits))
    answer = Explanation(
        job_id=job.id,
        state=job.state,
        summary=_running_tasks(job) + (blockers[0].message if blockers else _starting(start)),
        blockers=blockers,
        position=place + 1,
        waiting=len(snapshot.pending),
        ahead=tuple(_ahead(snapshot, place, plan, ledger)),
        factors=_factors(job, snapshot),
        node_groups=survey(job, snapshot, fitter),
        fraction=question.fraction,
        notes=(OWN_ORDER,) if own_order else (),
    )
    answer = replace(answer, priority=sum(factor.product for factor in answer.factors))
    return _with_future(answer, question, place)


def _as_planned(snapshot: Snapshot, policy: Policy) -> Snapshot:
    """With what waits in the order in which the policy looks at it, where it has one of its own."""
    order = getattr(policy, "order", None)
    if order is None:
        return snapshot
    ranks = dict(zip((job.id for job in snapshot.pending), snapshot.priorities, strict=False))
    jobs = order(snapshot)
    return replace(snapshot, pending=jobs, priorities=[ranks.get(job.id, 0.0) for job in jobs] if ranks else ())


def _ids(snapshot: Snapshot) -> bytes:
    return in_columns(snapshot.pending).column("id").tobytes()


def _running_tasks(job: Job) -> str:
    """Of an array of which a part runs already; what follows is about more nodes for it."""
    array = job.array
    if array is None or not array.workers:
        return ""
    workers = "1 node" if len(array.workers) == 1 else f"{len(array.workers)} nodes"
    return f"{array.ended} of {array.size} tasks have ended, others run on {workers}; for another node: "


def _starting(start: Start | None) -> str:
    if start is None:
        return "nothing keeps it from starting"
    return f"starts now on {shown(start.allocation.nodes)}" + (f": {start.why}" if start.why else "")


def _waits(job: Job, ledger: Ledger, plan: Plan) -> tuple[Wait, ...]:
    """What keeps it by itself, which a plan that had no node left for it does not come to, and what the plan says."""
    own, said = own_wait(ledger, job), plan.wait(job.id)
    if said is None or said.reason in (Reason.PRIORITY, Reason.RESOURCES):
        return tuple(wait for wait in (own, said) if wait)
    return (said,)


def _ahead(snapshot: Snapshot, place: int, plan: Plan, ledger: Ledger) -> Iterator[Ahead]:
    started = {start.job_id for start in plan.starts}
    for at, job in enumerate(snapshot.pending[: min(max(place, 0), MOST_AHEAD)]):
        priority = float(snapshot.priorities[at]) if len(snapshot.priorities) else 0.0
        wait = None if job.id in started else real_wait(plan.wait(job.id), own_wait(ledger, job))
        reason = wait.reason if wait else Reason.NONE
        yield Ahead(job.id, job.spec.title, job.spec.user, job.spec.nodes, job.spec.time_limit_s, priority, reason)


def _factors(job: Job, snapshot: Snapshot) -> tuple[Factor, ...]:
    fair = shares_of(snapshot, snapshot.pending, [(job.spec.account, job.spec.user)])
    found = factors_of(job, snapshot.site, fair, snapshot.now, len(snapshot.nodes))
    return tuple(Factor(item.name, float(item.factor), float(item.weight), float(item.product)) for item in found)


def _with_future(answer: Explanation, question: Question, place: int) -> Explanation:
    job_id = question.job.id
    if place < 0 and not any(item.job.id == job_id for item in question.later):
        return answer
    latest = question.replay(to_the_limit, _LATEST)
    late = latest.until(job_id)
    early = question.replay(part_of_the_limit(question.fraction), _EARLIEST).until(job_id)
    found = changes(question, math.inf if late is None else late, to_the_limit, _CHANGES, now_only=latest.exhausted)
    known = [start for start in (early, late) if start is not None]
    return replace(
        answer,
        earliest=min(known, default=0.0) if early is not None else 0.0,
        latest=max(known, default=0.0) if late is not None else 0.0,
        after=latest.now if latest.exhausted else 0.0,
        changes=found,
        timeline=tuple(_timeline(latest, question.job, late)),
        notes=(*answer.notes, *_notes(question, latest, late, place)),
    )


def _timeline(replay: Replay, job: Job, start: float | None) -> list[Planned]:
    """What must end or start before it does, the nearest to it: all of it happens up to its own start."""
    until = math.inf if start is None else start
    before = [_planned(replay, other) for other in replay.seen.values() if other.id != job.id]
    before = [item for item in before if item.end or not item.running or start is None]
    before.sort(key=lambda item: (abs((item.end if item.running else item.start) - until) if start else item.start, item.job_id))
    chosen = [item for item in before if item.start <= until][: MOST_PLANNED - 1]
    own = [_planned(replay, job)] if start is not None else []
    return sorted([*chosen, *own], key=lambda item: (not item.running, item.start, item.end, item.job_id))


def _planned(replay: Replay, job: Job) -> Planned:
    running = job.allocation is not None
    start = (job.start_time or job.granted_time) if running else replay.starts[job.id]
    count = len(job.allocation.nodes) if job.allocation else job.spec.nodes
    tasks = job.array.size if job.array else 0
    gave_way = replay.gave_way.get(job.id, 0.0)
    end = gave_way or replay.finishes.get(job.id, 0.0)
    return Planned(job.id, job.spec.title, job.spec.user, count, start, end, running, tasks, gave_way > 0)


def _notes(question: Question, replay: Replay, start: float | None, place: int) -> Iterator[str]:
    yield from _left_out(question, replay, place)
    if replay.exhausted:
        yield "the replay was stopped before it came to the job's start"
    elif start is None and not (question.job.array and question.job.array.workers):
        yield "it does not start as long as nothing changes: what keeps it, jobs without a time limit, or nodes out of service"
    elif start is not None and start > question.snapshot.now and _tasks_run(question.snapshot):
        yield JUST_BEGUN
    yield from _too_late(question.job.spec, start)
    if question.snapshot.site.weights.fair_share:
        yield "the replay leaves fair share as it is now"


def _tasks_run(snapshot: Snapshot) -> bool:
    small = {job.id for job in snapshot.running if job.worker is not None}
    return any(work.job_id not in small for job in snapshot.running for work in job.assigned)


def _too_late(spec: JobSpec, start: float | None) -> Iterator[str]:
    by = spec.deadline - spec.time_limit_s
    if spec.deadline and (start is None or start > by):
        yield f"it must start by {moment(by)} to end by its deadline: where it does not, it is given up then"


def _left_out(question: Question, replay: Replay, place: int) -> Iterator[str]:
    behind = len(question.snapshot.pending) - place - 1 - BEHIND
    if place >= 0 and behind > 0:
        yield f"the replay left out {behind} jobs that are more than {BEHIND} places behind it: the policy may put some before it"
    if replay.pending.unseen:
        seen = replay.pending.looked_at
        yield f"of those that wait, the replay looked at the first {seen} at each time: the policy may start others before them"
    if replay.grain_s:
        apart = format_duration(math.ceil(replay.grain_s / 60) * 60)
        yield f"for so many jobs ahead of it the replay took ends up to {apart} apart together: the start is rough"
