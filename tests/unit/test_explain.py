"""What is said of a job that waits: each thing that may keep it, and what would start it earlier."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from hpcsched.model.explanation import Explanation
from hpcsched.model.job import JobSpec, Reason, ResourceRequest
from hpcsched.model.reservation import Reservation
from hpcsched.model.site import Limits, Partition, PartitionState, Qos, Site, Weights
from hpcsched.model.units import parse_duration
from hpcsched.plugins import load
from hpcsched.sched.explain import JUST_BEGUN, OWN_ORDER, explain_waiting
from hpcsched.sched.fit import Fitter
from hpcsched.sched.question import BEHIND, Question
from hpcsched.sched.replay import Policy, forked
from hpcsched.state.events import NodeDisconnected, NodeDrained, NodeLost, ReservationMade
from hpcsched.state.state import State
from hpcsched.testing.replays import Cluster, clusters

HOUR = 3600
TRUE = JobSpec(command=("true",), user="ada", account="bio", time_limit_s=HOUR)


def cluster(policy: str = "easy", nodes: int = 4, site: Site | None = None) -> Cluster:
    made = Cluster(load("policies", policy)(), state=State(site or Site()))
    made.add_nodes([4] * nodes)
    return made


def explained(made: Cluster, job_id: int, looks: int = 2_000_000) -> Explanation:
    snapshot = made.state.snapshot(made.now)

    def policy() -> Policy:
        return forked(made.policy, Fitter())

    question = Question(made.state.jobs[job_id], snapshot, policy, looks=looks)
    return explain_waiting(question, Fitter())


def reasons(told: Explanation) -> list[Reason]:
    return [item.reason for item in told.blockers]


def groups(told: Explanation) -> dict[str, int]:
    return {group.what: group.count for group in told.node_groups}


def full(made: Cluster, hours: int = 2) -> None:
    """Every node is busy for that long."""
    made.submit(replace(TRUE, nodes=len(made.state.nodes), time_limit_s=hours * HOUR))
    made.plan()


def test_a_job_that_nothing_keeps_starts_now_and_says_where() -> None:
    made = cluster()
    (job_id,) = made.submit(TRUE)
    told = explained(made, job_id)
    assert told.summary.startswith("starts now on n0")
    assert (told.blockers, told.earliest, told.latest, told.changes) == ((), made.now, made.now, ())


def test_a_job_without_free_nodes_waits_for_those_that_run() -> None:
    made = cluster()
    full(made)
    (job_id,) = made.submit(TRUE)
    told = explained(made, job_id)
    assert reasons(told) == [Reason.RESOURCES]
    assert (told.earliest, told.latest) == (made.now + HOUR, made.now + 2 * HOUR)
    assert groups(told) == {"busy": 4}


def test_a_job_behind_others_names_them_with_their_nodes() -> None:
    made = cluster()
    full(made)
    first, second, job_id = made.submit(replace(TRUE, nodes=4), replace(TRUE, nodes=3), replace(TRUE, nodes=2))
    told = explained(made, job_id)
    assert [(item.job_id, item.nodes) for item in told.ahead] == [(first, 4), (second, 3)]
    assert (told.position, told.waiting) == (3, 3)
    assert told.latest == made.now + 4 * HOUR
    assert [item.job_id for item in told.timeline if not item.running] == [first, second, job_id]


def test_a_drained_a_lost_and_a_small_node_are_told_apart() -> None:
    made = cluster(nodes=3)
    made.add_nodes([1])
    for event in (NodeDrained(made.now, "n0", "fan"), NodeDisconnected(made.now, "n1"), NodeLost(made.now, "n1", "gone")):
        made.state.apply(event)
    (job_id,) = made.submit(replace(TRUE, nodes=2, resources=ResourceRequest(cores_per_node=4)))
    told = explained(made, job_id)
    assert groups(told) == {"too small: 1 for 4 cores": 1, "drained": 1, "down": 1, "free": 1}
    assert told.latest == 0.0


def test_a_constraint_leaves_out_the_nodes_without_the_feature() -> None:
    made = cluster()
    node = made.state.nodes["n3"]
    made.state.put_node(replace(node, offer=replace(node.offer, features=("ib",))))
    made.submit(replace(TRUE, constraint="ib"))
    made.plan()
    (job_id,) = made.submit(replace(TRUE, constraint="ib"))
    told = explained(made, job_id)
    assert groups(told) == {"busy": 1, "without the features ib": 3}
    assert ("without --constraint", made.now) in [(change.options, change.start) for change in told.changes]


def test_a_reserved_node_is_not_for_a_job_that_would_end_too_late() -> None:
    made = cluster(nodes=1)
    made.state.apply(ReservationMade(made.now, Reservation("course", made.now + HOUR / 2, made.now + HOUR, ("n0",), ("ben",))))
    (job_id,) = made.submit(TRUE)
    told = explained(made, job_id)
    assert groups(told) == {"reserved from before it would end": 1}
    assert told.latest == made.now + HOUR
    assert ("-t 30:00", made.now) in [(change.options, change.start) for change in told.changes]


def test_a_partition_that_is_down_keeps_its_jobs_and_another_is_named() -> None:
    parts = (Partition("old", default=True, state=PartitionState.DOWN), Partition("new"))
    made = cluster(site=Site(partitions=parts))
    (job_id,) = made.submit(replace(TRUE, partition="old"))
    told = explained(made, job_id)
    assert reasons(told) == [Reason.PARTITION_DOWN]
    assert [(change.options, change.start) for change in told.changes] == [("--partition new", made.now)]


def test_behind_others_a_job_still_names_the_partition_that_is_down() -> None:
    made = cluster(site=Site(partitions=(Partition("new", default=True), Partition("old", state=PartitionState.DOWN))))
    full(made)
    (first,) = made.submit(replace(TRUE, partition="new"))
    (job_id,) = made.submit(replace(TRUE, partition="old"))
    told = explained(made, job_id)
    assert reasons(told) == [Reason.PARTITION_DOWN, Reason.PRIORITY]
    assert told.summary == told.blockers[0].message
    assert [(other.job_id, other.reason) for other in told.ahead] == [(first, Reason.RESOURCES)]


def test_who_is_ahead_but_kept_by_a_limit_says_so() -> None:
    made = cluster(site=Site(qos=(Qos("normal", limits=Limits(max_jobs=1)), Qos("high"))))
    full(made)
    (kept,) = made.submit(replace(TRUE, qos="normal"))
    (job_id,) = made.submit(replace(TRUE, qos="high"))
    assert [(other.job_id, other.reason) for other in explained(made, job_id).ahead] == [(kept, Reason.QOS_JOBS)]


def test_a_limit_of_the_qos_is_what_keeps_a_job() -> None:
    made = cluster(site=Site(qos=(Qos("normal", limits=Limits(max_jobs=1)), Qos("high"))))
    made.submit(replace(TRUE, qos="normal"))
    made.plan()
    (job_id,) = made.submit(replace(TRUE, qos="normal"))
    told = explained(made, job_id)
    assert reasons(told) == [Reason.QOS_JOBS]
    assert told.latest == made.now + HOUR
    assert ("--qos high", made.now) in [(change.options, change.start) for change in told.changes]


def test_the_priority_is_the_sum_of_its_factors() -> None:
    made = cluster(site=Site(weights=Weights(age=0, size=1000), qos=(Qos("normal"),)))
    full(made)
    (job_id,) = made.submit(replace(TRUE, nodes=2, nice=100, qos="normal"))
    told = explained(made, job_id)
    assert told.priority == sum(item.product for item in told.factors) == 400.0
    assert {item.name: item.product for item in told.factors}["size"] == 500.0


def test_a_shorter_limit_backfills_and_the_longest_that_does_is_named() -> None:
    made = cluster()
    made.submit(replace(TRUE, nodes=3, time_limit_s=2 * HOUR))
    made.plan()
    made.submit(replace(TRUE, nodes=4))
    (job_id,) = made.submit(replace(TRUE, time_limit_s=4 * HOUR))
    told = explained(made, job_id)
    assert [(change.options, change.start) for change in told.changes] == [("-t 2:00:00", made.now)]


def test_fewer_nodes_start_now_and_the_most_that_do_are_named() -> None:
    made = cluster()
    made.submit(replace(TRUE, nodes=2))
    made.plan()
    (job_id,) = made.submit(replace(TRUE, nodes=4))
    told = explained(made, job_id)
    assert [(change.options, change.start) for change in told.changes] == [("--nodes 2-4", made.now)]


def test_an_array_that_runs_says_how_far_it_is() -> None:
    made = cluster(nodes=1)
    (job_id,) = made.submit(replace(TRUE, array="0-99%4", resources=ResourceRequest(cores_per_node=1)))
    made.plan()
    told = explained(made, job_id)
    assert told.summary.startswith("0 of 100 tasks have ended, others run on 1 node; for another node: ")
    assert told.notes == ()


def test_an_array_that_waits_is_told_when_its_first_node_is_free() -> None:
    made = cluster(nodes=1)
    full(made)
    (job_id,) = made.submit(replace(TRUE, array="0-99%4", resources=ResourceRequest(cores_per_node=1)))
    assert explained(made, job_id).latest == made.now + 2 * HOUR


def test_in_the_plan_an_array_is_shown_with_its_tasks() -> None:
    made = cluster(nodes=1)
    full(made)
    (array,) = made.submit(replace(TRUE, array="0-9", resources=ResourceRequest(cores_per_node=1), priority=1))
    (job_id,) = made.submit(TRUE)
    assert {item.job_id: item.tasks for item in explained(made, job_id).timeline} == {1: 0, array: 10, job_id: 0}


def test_behind_an_array_a_job_waits_for_all_its_waves() -> None:
    made = cluster("fifo", nodes=1)
    full(made)
    made.submit(replace(TRUE, array="0-9", resources=ResourceRequest(cores_per_node=1)))
    (job_id,) = made.submit(replace(TRUE, nodes=1))
    assert explained(made, job_id).latest == made.now + (2 + 3) * HOUR


def test_that_the_tasks_which_run_count_as_just_begun_is_said_of_arrays_alone() -> None:
    made = cluster("fifo", nodes=1)
    made.submit(replace(TRUE, array="0-9", resources=ResourceRequest(cores_per_node=1)))
    made.plan()
    (job_id,) = made.submit(replace(TRUE, nodes=1))
    assert JUST_BEGUN in explained(made, job_id).notes
    other = cluster("fifo", nodes=1)
    full(other)
    assert JUST_BEGUN not in explained(other, *other.submit(TRUE)).notes


def test_a_small_job_gets_a_slot_beside_another_of_its_owner() -> None:
    made = cluster(nodes=1, site=Site(partitions=(Partition("shared", default=True, shared=True),)))
    small = replace(TRUE, resources=ResourceRequest(cores_per_node=2))
    made.submit(replace(TRUE, user="ben"))
    made.plan()
    ids = [made.submit(small)[0] for _ in range(3)]
    starts = [explained(made, job_id).latest - made.now for job_id in ids]
    assert starts == [HOUR, HOUR, 2 * HOUR]


def test_a_job_far_behind_is_told_how_far_was_looked() -> None:
    made = cluster(nodes=1)
    ids = [made.submit(TRUE)[0] for _ in range(300)]
    told = explained(made, ids[-1], looks=20_000)
    assert (told.earliest, told.latest, told.changes) == (0.0, 0.0, ())
    assert made.now < told.after < made.now + 300 * HOUR
    assert any("stopped" in note for note in told.notes)


def test_behind_very_many_jobs_the_start_is_rough_and_that_is_said() -> None:
    made = cluster(nodes=8)
    ids = [made.submit(replace(TRUE, time_limit_s=600 + 37 * (number * number % 97)))[0] for number in range(600)]
    told = explained(made, ids[-1], looks=100_000)
    assert told.latest > made.now
    assert any("took ends up to" in note and "rough" in note for note in told.notes)
    assert not any("rough" in note for note in explained(made, ids[9]).notes)


def test_what_was_left_out_behind_a_job_is_said() -> None:
    made = cluster(nodes=1)
    full(made)
    for _ in range(BEHIND + 10):
        made.submit(TRUE)
    told = explained(made, 2)
    assert told.notes == (
        "the replay left out 9 jobs that are more than 1000 places behind it: the policy may put some before it",
    )


@pytest.mark.parametrize("policy", ["fifo", "easy", "sjbf", "conservative", "wfp"])
def test_the_order_of_the_policy_is_that_of_who_is_ahead(policy: str) -> None:
    made = cluster(policy)
    full(made)
    made.now += 60
    long, short = made.submit(replace(TRUE, nodes=4, time_limit_s=8 * HOUR), replace(TRUE, nodes=4, time_limit_s=HOUR))
    made.now += 60
    told = explained(made, short if policy != "wfp" else long)
    assert [item.job_id for item in told.ahead] == [long if policy != "wfp" else short]
    assert (OWN_ORDER in told.notes) == (policy == "wfp")


@settings(max_examples=60, deadline=None)
@given(clusters())
def test_a_cheaper_change_really_starts_it_earlier(made: Cluster) -> None:
    snapshot = made.state.snapshot(made.now)
    if not snapshot.pending:
        return
    job = snapshot.pending[-1]
    told = explained(made, job.id)
    for change in told.changes:
        assert change.start < told.latest
        options = change.options.split()
        spec = replace(job.spec, **_meant(options))
        again = made.with_spec(job.id, spec)
        again.plan()
        while job.id not in again.starts and again.step():
            pass
        assert again.starts[job.id] == change.start


def _meant(options: list[str]) -> dict[str, int]:
    if options[0] == "-t":
        return {"time_limit_s": parse_duration(options[1])}
    low, _, high = options[1].partition("-")
    return {"nodes": int(low), "max_nodes": int(high)}
