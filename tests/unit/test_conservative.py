"""Promised starts get earlier for whatever makes room, and not only when something ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsched.model.allocation import Allocation, Binding, NodeBinding
from hpcsched.model.idset import IdSet
from hpcsched.model.job import Job, JobSpec, JobState, Reason
from hpcsched.model.node import Node
from hpcsched.model.reservation import Reservation
from hpcsched.model.site import Limits, Partition, Site
from hpcsched.model.snapshot import Snapshot
from hpcsched.policies.conservative import Conservative
from hpcsched.sched.reserved import moment
from hpcsched.testing.topologies import grid, offer_of

NOW = 10_000.0
BUSY, FREE = (Node(offer_of(grid(cores=4, pus=1), name), connected=True) for name in ("n0", "n1"))
BUSY = replace(BUSY, job_id=11)
ONE_EACH = Site(partitions=(Partition("all", default=True, limits=Limits(max_jobs_per_user=1)),))


def waiting(number: int, nodes: int, limit: int, user: str = "ada") -> Job:
    spec = JobSpec(("x",), user=user, nodes=nodes, time_limit_s=limit)
    return Job(number, spec, "r", JobState.PENDING, NOW - 50, eligible_time=NOW - 50)


def runs(number: int, node: Node, user: str = "ben") -> Job:
    cpus = node.offer.cpus
    where = Allocation((NodeBinding(node.name, Binding(cpus, IdSet.of((0,)), 1 << 20)),))
    job = waiting(number, 1, 1000, user)
    return replace(job, state=JobState.RUNNING, allocation=where, granted_time=NOW, start_time=NOW)


WIDE, LONG = waiting(1, 2, 500), waiting(2, 1, 2000)
FIRST = Snapshot(NOW, (BUSY, FREE), (WIDE, LONG), (runs(11, BUSY),), Site())


@pytest.fixture
def policy() -> Conservative:
    """It has promised the wide job a start behind what runs, and the long one behind that, although a node is free."""
    made = Conservative()
    assert made.plan(FIRST).starts == ()
    return made


def started(policy: Conservative, snapshot: Snapshot) -> list[int]:
    return [start.job_id for start in policy.plan(replace(snapshot, now=NOW + 1)).starts]


def test_the_first_in_line_waits_for_nodes_and_others_for_their_turn() -> None:
    waits = Conservative().plan(FIRST).waits
    assert [waits[number].reason for number in (1, 2)] == [Reason.RESOURCES, Reason.PRIORITY]
    assert waits[1].message.startswith("first in line; starts at ")


def test_a_job_that_comes_makes_no_start_earlier(policy: Conservative) -> None:
    assert started(policy, replace(FIRST, pending=(WIDE, LONG, waiting(3, 2, 500)))) == []


def test_where_a_waiting_job_is_gone_those_behind_it_go(policy: Conservative) -> None:
    assert started(policy, replace(FIRST, pending=(LONG,))) == [2]


def test_where_a_waiting_job_comes_under_a_limit_those_behind_it_go() -> None:
    bens = replace(LONG, spec=replace(LONG.spec, user="eve"))
    made = Conservative()
    site = replace(FIRST, pending=(WIDE, bens), site=ONE_EACH)
    assert made.plan(site).starts == ()
    assert started(made, replace(site, running=(runs(11, BUSY, "ada"),))) == [2]


def test_a_job_that_asks_for_less_goes_where_that_fits(policy: Conservative) -> None:
    shorter = replace(LONG, spec=replace(LONG.spec, time_limit_s=500))
    assert started(policy, replace(FIRST, pending=(WIDE, shorter))) == [2]


def test_where_one_asks_for_less_those_behind_it_go_too(policy: Conservative) -> None:
    narrow = replace(WIDE, spec=replace(WIDE.spec, nodes=1))
    last = waiting(3, 1, 400)
    assert started(policy, replace(FIRST, pending=(narrow, LONG, last))) == [1]
    third = replace(FREE, offer=offer_of(grid(cores=4, pus=1), "n2"))
    assert started(policy, replace(FIRST, nodes=(BUSY, FREE, third), pending=(narrow, LONG, last))) == [1, 2]


def test_nodes_that_come_back_are_used_at_once() -> None:
    made = Conservative()
    assert made.plan(replace(FIRST, nodes=(BUSY, replace(FREE, connected=False)), pending=(LONG,))).starts == ()
    assert started(made, replace(FIRST, pending=(LONG,))) == [2]


def test_where_a_reservation_is_gone_its_nodes_are_used_at_once() -> None:
    made = Conservative()
    held = Reservation("r", NOW + 600, NOW + 6000, ("n1",))
    assert made.plan(replace(FIRST, pending=(LONG,), reservations=(held,))).starts == ()
    assert started(made, replace(FIRST, pending=(LONG,))) == [2]


def changed(shorter: Job) -> Snapshot:
    return replace(FIRST, now=NOW + 1, running=(shorter,))


def test_where_what_runs_gets_a_shorter_limit_promises_come_earlier(policy: Conservative) -> None:
    shorter = FIRST.running[0]
    shorter = replace(shorter, spec=replace(shorter.spec, time_limit_s=100))
    waits = policy.plan(changed(shorter)).waits
    assert moment(NOW + 100) in waits[1].message
    assert moment(NOW + 600) in waits[2].message


def test_where_a_suspended_job_goes_on_promises_come_earlier() -> None:
    goes_on = FIRST.running[0]
    frozen = replace(goes_on, state=JobState.SUSPENDED, suspend_time=NOW)
    policy = Conservative()
    taken = replace(FREE, job_id=12)
    both = replace(FIRST, nodes=(BUSY, taken), running=(frozen, runs(12, FREE)), pending=(waiting(1, 1, 500), waiting(2, 1, 500)))
    assert moment(NOW + 1500) in policy.plan(both).waits[2].message
    waits = policy.plan(replace(both, now=NOW + 1, running=(goes_on, both.running[1]))).waits
    assert moment(NOW + 1000) in waits[2].message
