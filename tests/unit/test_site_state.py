"""The site's tables in the state: usage, listings, and settings that change between two starts of the controller."""

from __future__ import annotations

import json

import pytest

from hpcsched.errors import QueueFull
from hpcsched.model.job import JobSpec, Reason
from hpcsched.model.site import Account, Limits, Partition, Qos, Site, Weights
from hpcsched.policies.fifo import Fifo
from hpcsched.sched.limits import HOUR
from hpcsched.state.site_uses import partition_uses, qos_uses, shares
from hpcsched.state.state import State
from hpcsched.testing.world import World, exited

SITE = Site(
    partitions=(Partition("all", default=True), Partition("one", ("n1",))),
    qos=(Qos("normal"), Qos("twice", usage_factor=2.0)),
    accounts=(Account("a", users=(("ada", 1),)), Account("b", users=(("ben", 1), ("ada", 1)))),
    half_life_s=1e12,
)


def world(site: Site, *nodes: str) -> World:
    made = World(())
    made.state = State(site)
    for name in nodes:
        made.register(name)
    return made


def spec(**given: object) -> JobSpec:
    return JobSpec(command=("x",), **{"user": "ada", **given})  # type: ignore[arg-type]


def waits(state: State, now: float) -> dict[int, Reason]:
    plan = Fifo().plan(state.snapshot(now))
    starts = {start.job_id for start in plan.starts}
    found = {job.id: plan.wait(job.id) for job in state.snapshot(now).pending if job.id not in starts}
    return {job_id: wait.reason for job_id, wait in found.items() if wait}


def test_node_hours_are_counted_for_the_partition_and_the_qos_of_ended_and_running_jobs() -> None:
    found = world(SITE, "n1", "n2")
    ended = found.run(spec())
    found.time += 3600
    found.tell("n1", exited(ended))
    found.run(spec(qos="twice", partition="all"))
    found.time += 1800
    used = found.state.snapshot(found.time).table_usage
    assert used["qos", "normal"] == pytest.approx(3600, abs=10)
    assert used["qos", "twice"] == pytest.approx(3600, abs=20)
    assert used["partition", "all"] == pytest.approx(7200, abs=30)


def test_node_hours_are_in_the_dump() -> None:
    found = world(SITE, "n1")
    job = found.run(spec())
    found.time += 3600
    found.tell("n1", exited(job))
    again = State.load(found.state.dump(), SITE)
    assert dict(again.snapshot(found.time).table_usage) == dict(found.state.snapshot(found.time).table_usage)


def test_node_hours_of_each_user_of_a_partition_and_a_qos_are_counted_and_in_the_dump() -> None:
    found = world(SITE, "n1", "n2")
    ended = found.run(spec(user="ada", qos="twice", partition="all"))
    found.run(spec(user="ben", partition="all"))
    found.time += 3600
    found.tell("n1", exited(ended))
    for state in (found.state, State.load(found.state.dump(), SITE)):
        used = state.snapshot(found.time).user_usage
        assert used["qos.twice", "ada"] == used["partition.all", "ada"] == pytest.approx(7200, abs=20)
        assert used["qos.normal", "ben"] == used["partition.all", "ben"] == pytest.approx(3600, abs=20)
        assert len(used) == 4


def test_a_dump_of_before_users_were_counted_in_each_table_is_read() -> None:
    found = world(SITE, "n1")
    job = found.run(spec(user="ada"))
    found.time += 3600
    found.tell("n1", exited(job))
    old = json.loads(found.state.dump())
    assert old.pop("user_usage")
    again = State.load(json.dumps(old).encode(), SITE).snapshot(found.time)
    assert dict(again.user_usage) == {}
    assert again.table_usage["qos", "normal"] == pytest.approx(3600, abs=20)


def test_a_user_whose_node_hours_of_a_partition_are_used_up_waits_until_enough_are_forgotten() -> None:
    limited = Site((Partition("p", default=True, limits=Limits(max_node_hours_per_user=1.0)),), half_life_s=2 * HOUR)
    found = world(limited, "n1", "n2")
    job = found.run(spec(user="ada"))
    (second,) = found.submit(spec(user="ada"))
    (other,) = found.submit(spec(user="ben"))
    found.time += 1.4 * HOUR
    assert waits(found.state, found.time) == {second: Reason.PARTITION_NODE_HOURS}
    assert found.plan() == (other,)
    found.tell("n1", exited(job))
    found.clean("n1", job)
    assert found.state.next_time(found.time) is not None
    found.time += HOUR
    assert waits(found.state, found.time) == {}


def test_a_qos_whose_node_hours_are_used_up_waits() -> None:
    limited = Site(qos=(Qos("normal", limits=Limits(max_node_hours=1.0)),), half_life_s=1e12)
    found = world(limited, "n1", "n2")
    job = found.run(spec())
    (second,) = found.submit(spec())
    found.time += 1.1 * HOUR
    assert waits(found.state, found.time) == {second: Reason.QOS_NODE_HOURS}
    found.tell("n1", exited(job))


def test_listings_count_nodes_and_jobs_of_each_table() -> None:
    found = world(SITE, "n1", "n2")
    found.run(spec(partition="one"))
    found.submit(spec(qos="twice"), spec())
    uses = {item.partition.name: item for item in partition_uses(found.state)}
    assert [(uses[name].nodes, uses[name].free, uses[name].running, uses[name].waiting) for name in ("all", "one")] == [
        (("n1", "n2"), 1, 0, 2),
        (("n1",), 0, 1, 0),
    ]
    assert [(item.qos.name, item.running, item.nodes, item.waiting) for item in qos_uses(found.state, found.time)] == [
        ("normal", 1, 1, 1),
        ("twice", 0, 0, 1),
    ]
    listed = [(item.account, item.user, item.level is None) for item in shares(found.state, found.time)]
    assert listed == [("a", "", False), ("a", "ada", False), ("b", "", True), ("b", "ada", True), ("b", "ben", True)]


def test_a_site_that_has_settled_nothing_lists_one_partition() -> None:
    found = world(Site(), "n1")
    found.submit(spec())
    (use,) = partition_uses(found.state)
    assert (use.partition.name, use.partition.default, use.nodes, use.waiting) == ("default", True, ("n1",), 1)


def test_new_settings_lose_no_job_and_say_why_one_waits() -> None:
    found = world(SITE, "n1", "n2")
    kept = [*found.submit(spec(partition="one"), spec(qos="twice"), spec(account="b"), spec())]
    newer = Site((Partition("all", default=True),), (Qos("normal", limits=Limits(max_time_s=60)),), (Account("a"),))
    again = State.load(found.state.dump(), newer)
    again.check()
    assert sorted(again.jobs) == kept
    reasons = waits(again, found.time)
    assert reasons == {
        kept[0]: Reason.PARTITION_CONFIG,
        kept[1]: Reason.INVALID_QOS,
        kept[2]: Reason.INVALID_ACCOUNT,
        kept[3]: Reason.QOS_TIME,
    }
    older = State.load(again.dump(), SITE)
    assert waits(older, found.time) == {kept[2]: Reason.RESOURCES, kept[3]: Reason.PRIORITY}


def test_a_running_job_goes_on_when_its_partition_is_gone() -> None:
    found = world(SITE, "n1")
    job = found.run(spec(partition="one"))
    found.state = State.load(found.state.dump(), Site())
    found.tell("n1", exited(job))
    found.clean("n1", job)
    assert found.records[job].job.exit_code == 0
    assert not found.state.jobs


def test_ended_jobs_count_no_more_against_what_may_be_submitted() -> None:
    found = world(Site(accounts=(Account("a", limits=Limits(max_submit_per_user=2)),)), "n1")
    job = found.run(spec())
    found.submit(spec())
    with pytest.raises(QueueFull, match="user 'ada', has 2 jobs that wait or run"):
        found.submit(spec())
    with pytest.raises(QueueFull, match="job 3 of 3: account a, user 'ben', has 2 jobs"):
        found.submit(*[spec(user="ben")] * 3)
    found.tell("n1", exited(job))
    found.submit(spec())


def test_who_used_less_goes_first() -> None:
    fair = Site(accounts=SITE.accounts, weights=Weights(age=0, fair_share=1000), half_life_s=1e12)
    found = world(fair, "n1")
    job = found.run(spec(account="a"))
    found.time += 3600
    found.tell("n1", exited(job))
    found.clean("n1", job)
    heavy, light = found.submit(spec(account="a"), spec(account="b"))
    assert [item.id for item in found.state.snapshot(found.time).pending] == [light, heavy]
    assert found.plan() == (light,)


def test_who_has_used_most_does_not_jump_ahead_by_submitting_late() -> None:
    fair = Site(weights=Weights(age=0, fair_share=1000), half_life_s=1e12)
    found = world(fair, "n1")
    job = found.run(spec(user="heavy"))
    found.time += 3600
    found.tell("n1", exited(job))
    others = found.submit(*[spec(user=f"u{number}") for number in range(3)])
    assert [item.id for item in found.state.snapshot(found.time).pending] == [*others]
    (late,) = found.submit(spec(user="heavy"))
    assert [item.id for item in found.state.snapshot(found.time).pending] == [*others, late]
    (new,) = found.submit(spec(user="new"))
    assert [item.id for item in found.state.snapshot(found.time).pending] == [*others, new, late]


def test_all_who_have_jobs_are_known_to_fair_share() -> None:
    found = world(SITE, "n1")
    found.submit(spec(user="ada", account="b", hold=True))
    assert dict(found.state.snapshot(found.time).usage) == {("b", "ada"): 0.0}
