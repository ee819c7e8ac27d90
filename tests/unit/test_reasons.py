"""The reason of a waiting job is what really keeps it, ahead of the first that waits for nodes and behind it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from hpcsched.controller.reasons import Reasons
from hpcsched.model.job import JobSpec, Reason, ResourceRequest
from hpcsched.model.reservation import Reservation
from hpcsched.model.site import Limits, Partition, PartitionState, Qos, Site
from hpcsched.model.snapshot import Plan, Wait
from hpcsched.plugins import load
from hpcsched.sched.explain import explain_waiting
from hpcsched.sched.fit import Fitter
from hpcsched.sched.question import Question
from hpcsched.state.events import NodeDrained, ReservationMade
from hpcsched.state.state import State
from hpcsched.testing.replays import POLICIES, Cluster

HOUR = 3600
TRUE = JobSpec(command=("true",), user="ada", account="bio", time_limit_s=HOUR)
SITE = Site(
    partitions=(Partition("new", default=True), Partition("old", state=PartitionState.DOWN)),
    qos=(Qos("normal"), Qos("few", limits=Limits(max_jobs=1))),
)


@dataclass
class Clock:
    times: list[float] = field(default_factory=lambda: [0.0])

    def __call__(self) -> float:
        return self.times.pop(0) if len(self.times) > 1 else self.times[0]


def busy(policy: str = "easy") -> Cluster:
    """One node runs, the largest has nothing in service, one waits for nodes."""
    made = Cluster(load("policies", policy)(), state=State(SITE))
    made.add_nodes([4, 4, 8])
    made.state.apply(NodeDrained(made.now, "n2", "fan"))
    made.submit(replace(TRUE, qos="few", partition="new"))
    made.plan()
    made.submit(replace(TRUE, nodes=2, partition="new"))
    return made


def reserve(made: Cluster) -> None:
    """One of the two nodes in service, from five hours on."""
    course = Reservation("course", made.now + 5 * HOUR, made.now + 9 * HOUR, ("n0",), ("ben",))
    made.state.apply(ReservationMade(made.now, course))


def reason(made: Cluster, job_id: int, reasons: Reasons | None = None) -> Reason:
    snapshot = made.state.snapshot(made.now)
    wait = (reasons or Reasons()).of(made.state.jobs[job_id], made.state, made.policy.plan(snapshot), made.now)
    assert wait is not None
    return wait.reason


KEPT = {
    Reason.PARTITION_DOWN: replace(TRUE, partition="old"),
    Reason.QOS_JOBS: replace(TRUE, qos="few", partition="new"),
    Reason.REQ_NODE_NOT_AVAIL: replace(TRUE, partition="new", resources=ResourceRequest(cores_per_node=8)),
    Reason.RESERVATION: replace(TRUE, partition="new", nodes=2, time_limit_s=9 * HOUR),
    Reason.DEPENDENCY: replace(TRUE, partition="new", dependency="afterok:1"),
}


@pytest.mark.parametrize("why", KEPT)
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("ahead", [True, False])
def test_what_keeps_a_job_by_itself_comes_before_who_is_ahead(policy: str, why: Reason, ahead: bool) -> None:
    made = busy(policy)
    reserve(made)
    (job_id,) = made.submit(replace(KEPT[why], priority=int(ahead)))
    assert reason(made, job_id) is why


@pytest.mark.parametrize("policy", ["fifo", "easy", "sjbf", "wfp"])
def test_a_job_that_only_others_keep_says_so(policy: str) -> None:
    made = busy(policy)
    (job_id,) = made.submit(replace(TRUE, partition="new", time_limit_s=9 * HOUR))
    assert reason(made, job_id) is Reason.PRIORITY


@pytest.mark.parametrize("why", [why for why in KEPT if why is not Reason.DEPENDENCY])
def test_explain_begins_with_the_same_reason(why: Reason) -> None:
    made = busy()
    reserve(made)
    (job_id,) = made.submit(KEPT[why])
    told = explain_waiting(Question(made.state.jobs[job_id], made.state.snapshot(made.now), load("policies", "easy")), Fitter())
    assert told.blockers[0].reason is why


def test_the_failure_of_a_policy_is_not_hidden_behind_another_reason() -> None:
    made = busy()
    (job_id,) = made.submit(replace(TRUE, partition="old"))
    failed = Plan(others=Wait(Reason.RESOURCES, "the scheduling policy failed"))
    assert Reasons().of(made.state.jobs[job_id], made.state, failed, made.now) == failed.others


def test_the_cluster_is_looked_at_again_after_another_plan_but_not_all_the_time() -> None:
    made, clock = busy(), Clock([0.0, 1.0, 20.0, 22.0])
    (job_id,) = made.submit(replace(TRUE, qos="few", partition="new"))
    reasons, found = Reasons(clock), list[Reason]()
    for _ in range(3):
        wait = reasons.of(made.state.jobs[job_id], made.state, Plan(others=Wait(Reason.PRIORITY, "")), made.now)
        found.append(wait.reason if wait else Reason.NONE)
        made.step() if len(found) == 1 else None
    assert found == [Reason.QOS_JOBS, Reason.QOS_JOBS, Reason.PRIORITY]
