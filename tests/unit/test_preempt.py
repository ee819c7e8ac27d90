"""Who gives nodes up for whom."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsched.model.allocation import Allocation, Binding, NodeBinding
from hpcsched.model.idset import IdSet
from hpcsched.model.job import Job, JobSpec, JobState, Reason
from hpcsched.model.node import Node
from hpcsched.model.site import PreemptMode, Qos, Site
from hpcsched.model.snapshot import Plan, Preempt, Snapshot, Wait
from hpcsched.sched.preempt import preemptions
from hpcsched.testing.world import offer

LOW = Qos("low", 0.1, preempt_mode=PreemptMode.CANCEL, grace_s=60)
MIDDLE = Qos("middle", 0.5, preempt_mode=PreemptMode.SUSPEND)
HIGH = Qos("high", 1.0, preempt=("low", "middle"))
NAMES = ("n1", "n2", "n3", "n4")


def running(number: int, nodes: tuple[str, ...], qos: str = "low", start: float = 0.0, **values: object) -> Job:
    bindings = tuple(NodeBinding(name, Binding(IdSet.of((0,)), IdSet.of((0,)), 0)) for name in nodes)
    spec = JobSpec(("x",), nodes=len(nodes), qos=qos)
    job = Job(number, spec, "r", JobState.RUNNING, 0.0, start_time=start, allocation=Allocation(bindings))
    return replace(job, **values)  # type: ignore[arg-type]


def snapshot(jobs: list[Job], nodes: int = 1, qos: str = "high", names: tuple[str, ...] = NAMES) -> Snapshot:
    owner = {name: job.id for job in jobs if job.allocation for name in job.allocation.nodes}
    known = tuple(Node(offer(name), True, job_id=owner.get(name)) for name in names)
    waiting = Job(99, JobSpec(("x",), nodes=nodes, qos=qos), "r", JobState.PENDING, 0.0)
    return Snapshot(1000.0, known, (waiting,), tuple(jobs), Site(qos=(LOW, MIDDLE, HIGH)))


def chosen(seen: Snapshot, could: tuple[str, ...] = NAMES) -> tuple[Preempt, ...]:
    plan = Plan(waits={99: Wait(Reason.RESOURCES, "waits")})
    return preemptions(seen, plan, lambda job: could)


def ids(found: tuple[Preempt, ...]) -> list[int]:
    return [item.job_id for item in found]


def full(*more: Job) -> list[Job]:
    return [running(1, ("n1",), start=10), running(2, ("n2",), start=30), running(3, ("n3", "n4"), "middle", 50), *more]


def test_the_lowest_and_youngest_job_gives_its_node_up() -> None:
    assert chosen(snapshot(full())) == (Preempt(2, 99, PreemptMode.CANCEL, 60),)


def test_no_more_jobs_than_needed_give_nodes_up() -> None:
    assert ids(chosen(snapshot(full(), nodes=2))) == [2, 1]
    assert ids(chosen(snapshot(full(), nodes=3))) == [2, 3]
    assert ids(chosen(snapshot(full(), nodes=4))) == [2, 1, 3]


def test_nobody_gives_nodes_up_for_a_job_that_would_not_start_then() -> None:
    assert chosen(snapshot(full(), nodes=4), could=("n1", "n2", "n3")) == ()
    normal = [running(1, ("n1",)), running(2, ("n2", "n3", "n4"), "high")]
    assert chosen(snapshot(normal, nodes=2)) == ()


def test_a_frozen_job_waits_for_as_long_as_the_others_may_take() -> None:
    assert chosen(snapshot(full(), nodes=3))[1] == Preempt(3, 99, PreemptMode.SUSPEND, 60)


def test_a_job_that_may_not_run_again_is_cancelled_instead_of_requeued() -> None:
    seen = snapshot([running(1, NAMES)])
    site = Site(qos=(replace(LOW, preempt_mode=PreemptMode.REQUEUE), HIGH))
    again = replace(seen.running[0], spec=replace(seen.running[0].spec, requeue=True))
    assert chosen(replace(seen, site=site))[0].mode is PreemptMode.CANCEL
    assert chosen(replace(seen, site=site, running=(again,)))[0].mode is PreemptMode.REQUEUE


def test_those_that_give_nodes_up_already_are_enough() -> None:
    told = [running(1, ("n1",), preempt_mode=PreemptMode.CANCEL, preempted_by=99), *full()[1:]]
    assert chosen(snapshot(told)) == ()
    assert ids(chosen(snapshot(told, nodes=2))) == [2]


@pytest.mark.parametrize(
    "values",
    [
        {"cancel_requested": True},
        {"state": JobState.COMPLETING},
        {"preempt_mode": PreemptMode.REQUEUE, "preempted_by": 55},
        {"spec": JobSpec(("x",), time_limit_s=900, qos="low"), "start_time": 10.0},
    ],
)
def test_what_ends_anyway_counts_as_free(values: dict[str, object]) -> None:
    assert chosen(snapshot([running(1, ("n1",), **values), *full()[1:]])) == ()


@pytest.mark.parametrize("values", [{"is_worker": True}, {"worker": 7}, {"preempted_by": 99}, {"state": JobState.SUSPENDED}])
def test_some_jobs_give_no_node_up(values: dict[str, object]) -> None:
    assert chosen(snapshot([running(1, ("n1",), **values)]), could=("n1",)) == ()


def test_a_job_that_is_just_starting_cannot_be_frozen() -> None:
    starting = running(1, ("n1",), "middle", state=JobState.CONFIGURING)
    assert chosen(snapshot([starting]), could=("n1",)) == ()
    assert ids(chosen(snapshot([replace(starting, spec=replace(starting.spec, qos="low"))]), could=("n1",))) == [1]


def test_only_the_first_that_waits_for_nodes_takes_them() -> None:
    seen = snapshot(full(), qos="low")
    behind = replace(seen.pending[0], id=100, spec=JobSpec(("x",), qos="high"))
    plan = Plan(waits={99: Wait(Reason.RESOURCES, "waits")}, others=Wait(Reason.PRIORITY, "behind"))
    assert preemptions(replace(seen, pending=(*seen.pending, behind)), plan, lambda job: NAMES) == ()


@st.composite
def crowds(draw: st.DrawFn) -> tuple[Snapshot, tuple[str, ...]]:
    names = [f"n{number}" for number in range(draw(st.integers(1, 8)))]
    left, jobs = list(names), []
    while left and draw(st.integers(0, 5)):
        took, left = left[: draw(st.integers(1, 3))], left[3:]
        qos = draw(st.sampled_from(["low", "middle", "high"]))
        jobs.append(running(len(jobs) + 1, tuple(took), qos, float(draw(st.integers(0, 9)))))
    could = tuple(name for name in names if draw(st.integers(0, 4)))
    return snapshot(jobs, draw(st.integers(1, 8)), names=tuple(names)), could


@given(crowds())
@settings(max_examples=500)
def test_what_is_chosen_is_enough_and_nobody_in_it_is_superfluous(crowd: tuple[Snapshot, tuple[str, ...]]) -> None:
    seen, could = crowd
    need = seen.pending[0].spec.nodes
    free = {node.name for node in seen.nodes if node.job_id is None} & set(could)
    gains = {
        job.id: len(set(job.allocation.nodes) & set(could))
        for job in seen.running
        if job.allocation and job.spec.qos in ("low", "middle")
    }
    found = ids(chosen(seen, could))
    if len(free) >= need or len(free) + sum(gains.values()) < need:
        assert found == []
        return
    assert len(free) + sum(gains[number] for number in found) >= need
    for some in combinations(found, len(found) - 1):
        assert len(free) + sum(gains[number] for number in some) < need
