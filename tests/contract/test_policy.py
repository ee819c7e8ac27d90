"""What every scheduling policy promises, on random clusters."""

import pytest
from hypothesis import given, settings

from hpcsched.errors import PlanRejected
from hpcsched.model.snapshot import Plan, Snapshot
from hpcsched.plugins import load, names
from hpcsched.sched.verify import verify
from hpcsched.testing.strategies import clusters

POLICIES = pytest.mark.parametrize("policy", names("policies"))


@POLICIES
@given(snapshot=clusters())
@settings(max_examples=300, deadline=None)
def test_a_plan_breaks_no_rule(policy: str, snapshot: Snapshot) -> None:
    verify(load("policies", policy)().plan(snapshot), snapshot)


@POLICIES
@given(snapshot=clusters())
@settings(deadline=None)
def test_every_pending_job_has_a_start_or_a_reason_in_words(policy: str, snapshot: Snapshot) -> None:
    plan: Plan = load("policies", policy)().plan(snapshot)
    started = {start.job_id for start in plan.starts}
    for job in snapshot.pending:
        wait = plan.wait(job.id)
        assert job.id in started or (wait and wait.message and "\n" not in wait.message)


@POLICIES
@given(snapshot=clusters())
@settings(deadline=None)
def test_the_same_cluster_gives_the_same_plan(policy: str, snapshot: Snapshot) -> None:
    planner = load("policies", policy)()
    first = planner.plan(snapshot)
    assert planner.plan(snapshot) == first
    assert load("policies", policy)().plan(snapshot) == first


@POLICIES
@given(snapshot=clusters())
@settings(deadline=None)
def test_no_free_cluster_stays_idle_while_a_job_could_start(policy: str, snapshot: Snapshot) -> None:
    """The first job that fits on the free nodes is not refused when nothing else starts."""
    plan: Plan = load("policies", policy)().plan(snapshot)
    if plan.starts or not snapshot.pending:
        return
    fitting = [job for job in snapshot.pending[:1] if _fits(job, snapshot)]
    assert fitting == []


def _fits(job: object, snapshot: Snapshot) -> bool:
    from hpcsched.sched.fit import Fitter
    from hpcsched.sched.ledger import Ledger

    return Ledger(snapshot, Fitter()).find(job) is not None  # type: ignore[arg-type]


@given(snapshot=clusters())
@settings(deadline=None)
def test_the_judge_is_awake(snapshot: Snapshot) -> None:
    """A policy that answers nobody is refused whenever somebody waits."""
    if snapshot.pending:
        with pytest.raises(PlanRejected):
            verify(Plan(), snapshot)
