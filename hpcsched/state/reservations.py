"""Reservations: intents to events, or a refusal. `now` is in Unix seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hpcsched.errors import AlreadyExists, Conflict, Infeasible, NotFound, QueueFull
from hpcsched.model.job import Job, JobSpec
from hpcsched.model.node import Node
from hpcsched.model.reservation import Reservation, ReservationRequest
from hpcsched.model.site import Partition, Site
from hpcsched.model.units import format_duration
from hpcsched.sched import constraint
from hpcsched.sched.partitions import Partitions, is_member, partition_of
from hpcsched.sched.reservation_check import MAX_RESERVATIONS, check_request
from hpcsched.sched.reserved import may_use, moment, overlap, window
from hpcsched.state.events import ReservationDeleted, ReservationMade
from hpcsched.state.tables import Tables


def make(tables: Tables, wanted: ReservationRequest, now: float) -> list[ReservationMade]:
    """Raises InvalidValue, AlreadyExists, NotFound, Conflict, Infeasible, QueueFull."""
    check_request(wanted, now)
    if wanted.name in tables.reservations:
        raise AlreadyExists(f"there is a reservation {wanted.name} already: choose another name, or delete that one")
    if len(tables.reservations) >= MAX_RESERVATIONS:
        raise QueueFull(f"there are {MAX_RESERVATIONS} reservations already: delete some")
    empty = replace(_without_nodes(wanted, now), accounts=_accounts(tables.site, wanted.accounts))
    nodes = _named(tables, empty, wanted) if wanted.nodes else _chosen(tables, empty, wanted)
    return [ReservationMade(now, replace(empty, nodes=nodes))]


def delete(tables: Tables, name: str, now: float) -> list[ReservationDeleted]:
    """Raises NotFound."""
    return [ReservationDeleted(now, find(tables, name).name)]


def over(tables: Tables, now: float) -> list[ReservationDeleted]:
    """Those that have ended and do not come again are forgotten."""
    return [ReservationDeleted(now, name) for name, item in tables.reservations.items() if window(item, now) is None]


def check_reservation(tables: Tables, spec: JobSpec) -> None:
    """The reservation that a job names. Raises NotFound, Infeasible."""
    if not spec.reservation:
        return
    item = find(tables, spec.reservation)
    if window(item, tables.last_time) is None:
        raise _unknown(spec.reservation)
    if not may_use(item, spec):
        whom = "for maintenance" if item.maintenance else f"not for user {spec.user or '?'} with account {spec.account or '?'}"
        raise Infeasible(f"reservation {item.name} is {whom}: see `hpcsched reservation show {item.name}`")
    if spec.nodes > len(item.nodes):
        raise Infeasible(f"asks for {spec.nodes} nodes, reservation {item.name} has {len(item.nodes)}")
    if spec.time_limit_s > item.end - item.start:
        raise Infeasible(
            f"asks for {format_duration(spec.time_limit_s)}, reservation {item.name} lasts "
            f"{format_duration(item.end - item.start)}: shorten -t"
        )


def check_longer(tables: Tables, job: Job, spec: JobSpec, now: float) -> None:
    """The other time limit of a job that has nodes. Raises Conflict when it would then run into a reservation."""
    workers = [tables.jobs[number] for number in job.array.workers] if job.array else []
    for holder in (job, *workers):
        longer = replace(holder, spec=replace(holder.spec, time_limit_s=spec.time_limit_s))
        for edge, name in _run_into(tables, holder, longer, now):
            raise Conflict(f"job {job.id} would run past {moment(edge)}, which reservation {name} does not allow")


def _run_into(tables: Tables, job: Job, longer: Job, now: float) -> Iterator[tuple[float, str]]:
    """Reservations that only the longer one does not end before, and when."""
    before, after = ends_by(job, now), ends_by(longer, now)
    names = job.allocation.nodes if job.allocation else ()
    for item in tables.reservations.values() if after > before else ():
        found = window(item, now)
        if found is None or item.made > job.granted_time:
            continue
        edge = found.end if item.name == job.spec.reservation else found.start
        if before <= edge < after and not set(names).isdisjoint(item.nodes):
            yield edge, item.name


def find(tables: Tables, name: str) -> Reservation:
    """Raises NotFound."""
    item = tables.reservations.get(name)
    if item is None:
        raise _unknown(name)
    return item


def ends_by(job: Job, now: float) -> float:
    """When a job that has nodes gives them back by its limit at the latest; infinity: no limit. A worker's is of each task."""
    if not job.spec.time_limit_s:
        return math.inf
    if job.is_worker:
        return now + job.spec.time_limit_s
    frozen = job.suspended_s + (now - job.suspend_time if job.suspend_time else 0.0)
    return (job.start_time or job.granted_time or now) + job.spec.time_limit_s + frozen


def present(item: Reservation, now: float) -> Reservation:
    """With its present or next window, for people."""
    found = window(item, now)
    return replace(item, start=found.start, end=found.end) if found else item


def _unknown(name: str) -> NotFound:
    return NotFound(f"there is no reservation {name[:70]!r}; `hpcsched reservation list` lists those that are known")


def _without_nodes(wanted: ReservationRequest, now: float) -> Reservation:
    start = max(wanted.start, now)
    return Reservation(
        wanted.name,
        start,
        start + wanted.duration_s,
        (),
        wanted.users,
        wanted.accounts,
        wanted.maintenance,
        wanted.repeat,
        wanted.comment,
        made=now,
    )


def _accounts(site: Site, wanted: Sequence[str]) -> tuple[str, ...]:
    """With those below them; where a site has settled none, any. Raises NotFound."""
    known = {item.name: item.parent for item in site.accounts}
    for name in wanted if known else ():
        if name not in known:
            raise NotFound(f"there is no account {name!r}: give --accounts some of {', '.join(known)}")
    chosen = dict.fromkeys(wanted)
    while below := [name for name, parent in known.items() if parent in chosen and name not in chosen]:
        chosen |= dict.fromkeys(below)
    return tuple(chosen)


def _named(tables: Tables, empty: Reservation, wanted: ReservationRequest) -> tuple[str, ...]:
    """Raises NotFound for a name that no node has, Conflict for the first node that has something else to do then."""
    found = {node.name: node for word in wanted.nodes for node in _matching(tables, word)}
    for name in sorted(found):
        for fault in _faults(tables, empty, found[name], wanted.ignore_jobs):
            raise Conflict(fault)
    return tuple(sorted(found))


def _matching(tables: Tables, word: str) -> Sequence[Node]:
    one = Partition("", nodes=(word,))
    found = [node for node in tables.nodes.values() if is_member(one, node.offer)]
    if not found:
        raise NotFound(f"no node is called {word!r}; `hpcsched nodes` lists those that are known")
    return found


def _chosen(tables: Tables, empty: Reservation, wanted: ReservationRequest) -> tuple[str, ...]:
    """Those that nothing runs on, idle for the longest, then by name. Raises NotFound, Infeasible when they are too few."""
    able = [node for node in _eligible(tables, wanted) if not any(_faults(tables, empty, node, wanted.ignore_jobs))]
    if len(able) < wanted.count:
        raise Infeasible(
            f"asks for {wanted.count} nodes, {len(able)} could be reserved from {moment(empty.start)} to {moment(empty.end)}"
            ": choose another time, or see `hpcsched reservation list`"
        )
    able.sort(key=lambda node: (node.down or bool(node.drain_reason), node.busy or bool(node.suspended), node.since, node.name))
    return tuple(sorted(node.name for node in able[: wanted.count]))


def _eligible(tables: Tables, wanted: ReservationRequest) -> list[Node]:
    if wanted.partition and partition_of(tables.site, wanted.partition) is None:
        raise NotFound(f"there is no partition {wanted.partition[:70]!r}; `hpcsched partitions` lists those that are known")
    nodes = list(tables.nodes.values())
    if wanted.partition:
        members = Partitions(tables.site, nodes).nodes_of(wanted.partition)
        nodes = [node for node in nodes if node.name in members]
    if wanted.constraint:
        asked = constraint.parse(wanted.constraint)
        nodes = [node for node in nodes if constraint.matches(asked, node.offer.features)]
    return nodes


def _faults(tables: Tables, empty: Reservation, node: Node, ignore_jobs: bool) -> Iterator[str]:
    """Why the node cannot be in it."""
    for other in tables.reservations.values():
        if node.name in other.nodes and not empty.maintenance and overlap(empty, other):
            yield f"node {node.name} is in reservation {other.name} at that time: choose other nodes or another time"
    if ignore_jobs:
        return
    for number in (node.job_id, *node.suspended):
        job = tables.jobs.get(number) if number is not None else None
        if job is not None and (_stands_still(job) or ends_by(job, empty.made) > empty.start):
            yield f"job {number} may still run on node {node.name} then: choose another node, or say --ignore-jobs"


def _stands_still(job: Job) -> bool:
    """Suspended by hand: it has its nodes until somebody resumes it."""
    return job.suspend_time > 0 and job.preempt_mode is None
