"""Limits of partitions, QOS and accounts, while a policy plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.model.allocation import Allocation, Binding, NodeBinding
from hpcsched.model.array import Assigned
from hpcsched.model.idset import IdSet
from hpcsched.model.job import Job, JobSpec, JobState, Reason, changed_job
from hpcsched.model.site import Account, Limits, Partition, PartitionState, Qos, Site
from hpcsched.model.snapshot import Snapshot
from hpcsched.sched.limits import HOUR, LimitLedger

BINDING = Binding(IdSet.parse("0"), IdSet.parse("0"), 0)


def spec(**given: object) -> JobSpec:
    return JobSpec(command=("x",), **{"user": "ada", **given})  # type: ignore[arg-type]


def running(number: int, nodes: int = 1, worker: int | None = None, is_worker: bool = False, **given: object) -> Job:
    allocation = Allocation(tuple(NodeBinding(f"n{number}.{index}", BINDING) for index in range(nodes)))
    job = Job(number, spec(nodes=nodes, **given), "r", JobState.RUNNING, 0.0, allocation=allocation)
    return Job(**{**{name: getattr(job, name) for name in Job.__slots__}, "worker": worker, "is_worker": is_worker})


def waiting(**given: object) -> Job:
    return Job(99, spec(**given), "r", JobState.PENDING, 0.0)


def ledger(
    site: Site, jobs: Iterable[Job] = (), usage: dict[tuple[str, str], float] | None = None, **more: object
) -> LimitLedger:
    return LimitLedger(Snapshot(0.0, (), (), tuple(jobs), site, usage=usage or {}, **more))  # type: ignore[arg-type]


def reason(found: LimitLedger, job: Job) -> Reason | None:
    wait = found.why_not(job)
    return wait.reason if wait else None


def test_a_site_that_has_settled_nothing_limits_nothing() -> None:
    assert ledger(Site(), [running(1)]).why_not(waiting(nodes=1000, account="any")) is None


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(max_jobs=2), Reason.QOS_JOBS),
        (Limits(max_jobs=3), None),
        (Limits(max_nodes=6), Reason.QOS_NODES),
        (Limits(max_nodes=7), None),
        (Limits(max_jobs_per_user=1), Reason.QOS_JOBS),
        (Limits(max_jobs_per_user=2), None),
        (Limits(max_nodes_per_user=3), Reason.QOS_NODES),
        (Limits(max_nodes_per_user=4), None),
        (Limits(max_nodes_per_job=1), Reason.QOS_NODES),
        (Limits(max_time_s=60), Reason.QOS_TIME),
        (Limits(max_node_hours=2.0), Reason.QOS_NODE_HOURS),
        (Limits(max_node_hours=2.1), None),
        (Limits(max_node_hours_per_user=1.5), Reason.QOS_NODE_HOURS),
        (Limits(max_node_hours_per_user=1.6), None),
    ],
)
def test_a_limit_keeps_the_job_that_would_break_it(limits: Limits, expected: Reason | None) -> None:
    site = Site(qos=(Qos("normal", limits=limits), Qos("other")))
    jobs = [running(1, 2), running(2, 3, user="ben"), running(3, 50, qos="other")]
    by_user = {
        ("qos.normal", "ada"): 5400.0,
        ("qos.normal", "ben"): 1800.0,
        ("qos.other", "ada"): 9e9,
        ("partition.x", "ada"): 9e9,
    }
    found = ledger(site, jobs, table_usage={("qos", "normal"): 7200.0}, user_usage=by_user)
    assert reason(found, waiting(nodes=2)) is expected


def test_the_message_names_the_limit_its_value_and_its_table() -> None:
    site = Site(accounts=(Account("a", limits=Limits(max_nodes_per_user=4)),))
    wait = ledger(site, [running(1, 3, account="a")]).why_not(waiting(nodes=2, account="a"))
    assert wait is not None
    assert wait.message == "account a, user 'ada', has 3 nodes and this job needs 2 more, max_nodes_per_user of [account.a] is 4"


def test_an_account_counts_what_runs_below_it() -> None:
    site = Site(accounts=(Account("top", limits=Limits(max_nodes=5)), Account("a", "top"), Account("b", "top")))
    found = ledger(site, [running(1, 4, account="a")])
    assert reason(found, waiting(nodes=2, account="b")) is Reason.ACCOUNT_NODES
    assert reason(found, waiting(nodes=1, account="b")) is None


def test_node_hours_of_an_account_are_those_below_it_too() -> None:
    site = Site(accounts=(Account("top", limits=Limits(max_node_hours=3.0)), Account("a", "top"), Account("b", "top")))
    used = {("a", "ada"): 2 * 3600.0, ("b", "ben"): 3600.0}
    assert reason(ledger(site, usage=used), waiting(account="b")) is Reason.ACCOUNT_NODE_HOURS
    assert reason(ledger(site, usage={("a", "ada"): 2 * 3600.0}), waiting(account="b")) is None


def test_what_a_user_has_and_has_used_in_an_account_is_counted_below_it_too() -> None:
    limits = Limits(max_nodes_per_user=3, max_node_hours_per_user=3.0)
    site = Site(accounts=(Account("top", limits=limits), Account("mid", "top"), Account("a", "mid"), Account("b", "top")))
    used = {("a", "ada"): 2 * HOUR, ("b", "ada"): HOUR, ("b", "ben"): 2.9 * HOUR}
    wait = ledger(site, usage=used).why_not(waiting(account="a"))
    assert wait is not None
    sentence = "account top, user 'ada', has used 3 node hours, max_node_hours_per_user of [account.top] is 3"
    assert (wait.reason, wait.message.partition(": ")[0]) == (Reason.ACCOUNT_NODE_HOURS, sentence)
    assert reason(ledger(site, usage=used), waiting(account="a", user="ben")) is None
    found = ledger(site, [running(1, 2, account="a"), running(2, account="b"), running(3, 2, account="b", user="ben")])
    assert reason(found, waiting(account="b")) is Reason.ACCOUNT_NODES
    assert reason(found, waiting(account="a", user="ben")) is None


def test_node_hours_above_a_limit_say_when_they_will_have_faded_below_it() -> None:
    site = Site(accounts=(Account("a", limits=Limits(max_node_hours=3.0)),), half_life_s=86400.0)
    wait = ledger(site, usage={("a", "ada"): 12 * HOUR}).why_not(waiting(account="a"))
    assert wait is not None
    assert wait.message.endswith("is 3: they fade below it within 2-00:01:00 where none are added")


def test_a_slot_in_a_container_that_is_there_needs_no_node() -> None:
    site = Site(partitions=(Partition("p", limits=Limits(max_jobs=3, max_nodes_per_user=1)),))
    found = ledger(site, [running(1, is_worker=True), running(2, worker=1)])
    assert reason(found, waiting()) is Reason.PARTITION_NODES
    assert found.why_not(waiting(), 0) is None
    for _ in range(2):
        found.spend(waiting(), 0)
    wait = found.why_not(waiting(), 0)
    assert wait is not None
    assert wait.reason is Reason.PARTITION_JOBS


def test_what_starts_in_this_plan_counts() -> None:
    found = ledger(Site(qos=(Qos("normal", limits=Limits(max_jobs=2, max_nodes=3)),)))
    found.spend(waiting(), 2)
    assert reason(found, waiting(nodes=2)) is Reason.QOS_NODES
    assert found.most_nodes(waiting(max_nodes=9)) == 1
    found.spend(waiting(), 1)
    assert reason(found, waiting()) is Reason.QOS_JOBS


def test_small_jobs_in_one_container_count_each_and_their_node_once() -> None:
    site = Site(partitions=(Partition("p", limits=Limits(max_jobs=3, max_nodes=2)),))
    jobs = [running(1, is_worker=True), running(2, worker=1), running(3, worker=1)]
    assert reason(ledger(site, jobs), waiting()) is None
    found = ledger(site, [*jobs, running(4, worker=1)])
    assert reason(found, waiting()) is Reason.PARTITION_JOBS


def test_a_container_that_runs_tasks_of_an_array_beside_small_jobs_counts_as_one_more() -> None:
    site = Site(partitions=(Partition("p", limits=Limits(max_jobs=3)),))
    worker = changed_job(running(1, is_worker=True), assigned=(Assigned(9, (), (BINDING,)), Assigned(2, (), (BINDING,))))
    jobs = [worker, running(2, worker=1)]
    assert reason(ledger(site, jobs), waiting()) is None
    assert reason(ledger(site, [*jobs, running(3, worker=1)]), waiting()) is Reason.PARTITION_JOBS


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"partition": "gone"}, Reason.PARTITION_CONFIG),
        ({"partition": "down"}, Reason.PARTITION_DOWN),
        ({"partition": "drain"}, None),
        ({"qos": "gone"}, Reason.INVALID_QOS),
        ({"account": "gone"}, Reason.INVALID_ACCOUNT),
        ({"account": "b"}, Reason.INVALID_ACCOUNT),
        ({"partition": "small", "nodes": 3}, Reason.PARTITION_NODES),
        ({"partition": "big"}, Reason.PARTITION_NODES),
        ({"partition": "short"}, Reason.PARTITION_TIME),
        ({"partition": "short", "time_limit_s": 60}, None),
    ],
)
def test_a_job_that_newer_settings_do_not_take_waits_with_the_reason(given: dict[str, object], expected: Reason | None) -> None:
    site = Site(
        partitions=(
            Partition("any", default=True),
            Partition("down", state=PartitionState.DOWN),
            Partition("drain", state=PartitionState.DRAIN),
            Partition("small", limits=Limits(max_nodes_per_job=2)),
            Partition("big", min_nodes=4),
            Partition("short", limits=Limits(max_time_s=60)),
        ),
        qos=(Qos("normal"),),
        accounts=(Account("a", users=(("ada", 1),)), Account("b", users=(("ben", 1),))),
    )
    found = ledger(site).why_not(waiting(**{"account": "a", **given}))
    assert (found.reason if found else None) is expected
    assert found is None or "\n" not in found.message


def test_an_owner_without_a_name_is_one_user() -> None:
    found = ledger(Site(qos=(Qos("normal", limits=Limits(max_jobs_per_user=2, max_jobs=9)),)), [running(1, user="")])
    assert reason(found, waiting(user="")) is None
    found.spend(waiting(user=""), 1)
    assert reason(found, waiting(user="")) is Reason.QOS_JOBS
    assert reason(found, waiting()) is None


@given(
    st.lists(st.tuples(st.sampled_from(["ada", "ben"]), st.sampled_from(["a", "b", "c"]), st.integers(1, 3)), max_size=20),
    st.integers(0, 4),
    st.integers(0, 6),
    st.integers(0, 4),
    st.integers(0, 3),
)
def test_no_limit_is_ever_broken_by_what_is_let_through(
    asked: list[tuple[str, str, int]], max_jobs: int, max_nodes: int, per_user: int, nodes_per_user: int
) -> None:
    limits = Limits(max_jobs, max_nodes, max_jobs_per_user=per_user, max_nodes_per_user=nodes_per_user)
    site = Site(accounts=(Account("top", limits=limits), Account("a", "top"), Account("b", "a", limits=limits), Account("c")))
    found = ledger(site)
    started = Counter[tuple[str, str]]()
    for user, account, nodes in asked:
        job = waiting(user=user, account=account, nodes=nodes)
        if found.why_not(job) is None:
            found.spend(job, nodes)
            for above in {"a": ["top"], "b": ["b", "top"], "c": []}[account]:
                started.update({(above, "jobs"): 1, (above, "nodes"): nodes, (above, user): 1, (above, user + " nodes"): nodes})
    for (_, what), count in started.items():
        most = {"jobs": max_jobs, "nodes": max_nodes}.get(what, nodes_per_user if what.endswith(" nodes") else per_user)
        assert not most or count <= most, what
