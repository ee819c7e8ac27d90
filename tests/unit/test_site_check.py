"""What a site adds to a submitted job, and which it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsched.errors import HpcschedError, Infeasible, InvalidValue, QueueFull
from hpcsched.model.job import JobSpec
from hpcsched.model.node import NodeOffer
from hpcsched.model.site import Account, Limits, Partition, PartitionState, Qos, Site
from hpcsched.sched.site_check import SubmitLedger, candidates, settled
from hpcsched.state import decide
from hpcsched.state.events import NodeRegistered
from hpcsched.state.state import State
from hpcsched.testing import nouns

SITE = Site(
    partitions=(
        Partition("batch", default=True, default_time_s=3600, limits=Limits(max_time_s=7200, max_nodes_per_job=8), min_nodes=2),
        Partition("closed", state=PartitionState.DRAIN),
        Partition("down", state=PartitionState.DOWN),
        Partition("vip", allow_accounts=("science",), allow_qos=("urgent",), allow_users=("ada",)),
    ),
    qos=(Qos("normal", limits=Limits(max_time_s=1800)), Qos("urgent", limits=Limits(max_nodes=4))),
    accounts=(
        Account("science"),
        Account("physics", "science", users=(("ada", 1),)),
        Account("arts", users=(("ada", 1), ("ben", 1))),
        Account("guests"),
    ),
)


def spec(**given: object) -> JobSpec:
    return JobSpec(command=("x",), **{"user": "ada", "nodes": 2, **given})  # type: ignore[arg-type]


def test_a_site_that_has_settled_nothing_changes_nothing() -> None:
    assert settled(spec(nodes=1), Site()) == spec(nodes=1)
    assert settled(spec(qos="normal", partition="default", account="any"), Site()).account == "any"


def test_defaults_are_filled_in() -> None:
    found = settled(spec(), SITE)
    assert (found.partition, found.account, found.qos, found.time_limit_s) == ("batch", "physics", "normal", 1800)


def test_what_is_named_stays() -> None:
    found = settled(spec(partition="down", account="arts", qos="urgent", time_limit_s=60), SITE)
    assert (found.partition, found.account, found.qos, found.time_limit_s) == ("down", "arts", "urgent", 60)


def test_who_is_listed_nowhere_charges_the_account_that_is_open() -> None:
    assert settled(spec(user="eve"), SITE).account == "guests"


def test_the_partitions_default_time_holds_where_it_is_the_shortest() -> None:
    assert settled(spec(qos="urgent"), SITE).time_limit_s == 3600
    assert settled(spec(qos="urgent", partition="down"), SITE).time_limit_s == 0


def test_an_account_below_one_that_is_allowed_is_allowed() -> None:
    assert settled(spec(partition="vip", account="physics", qos="urgent"), SITE).partition == "vip"


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"partition": "gpu"}, InvalidValue, "there is no partition 'gpu': give --partition one of batch, closed, down, vip"),
        ({"qos": "fast"}, InvalidValue, "there is no QOS 'fast': give --qos one of normal, urgent"),
        ({"account": "chem"}, InvalidValue, "there is no account 'chem'; accounts of 'ada': physics, arts, guests"),
        ({"account": "physics", "user": "ben"}, InvalidValue, "user 'ben' may not charge account 'physics'"),
        ({"account": "science"}, InvalidValue, "user 'ada' may not charge account 'science'"),
        ({"partition": "closed"}, InvalidValue, "partition closed is DRAIN: it takes no new job"),
        ({"partition": "vip", "account": "arts"}, InvalidValue, "[partition.vip] allow_accounts has not 'arts', it has: science"),
        ({"partition": "vip"}, InvalidValue, "[partition.vip] allow_qos has not 'normal', it has: urgent"),
        (
            {"partition": "vip", "qos": "urgent", "user": "ben", "account": "arts"},
            InvalidValue,
            "allow_accounts has not 'arts'",
        ),
        ({"nodes": 9}, Infeasible, "asks for 9 nodes, max_nodes_per_job of [partition.batch] is 8"),
        ({"nodes": 2, "max_nodes": 9}, Infeasible, "asks for 9 nodes, max_nodes_per_job"),
        ({"nodes": 1}, Infeasible, "asks for 1 node, min_nodes of [partition.batch] is 2"),
        ({"nodes": 5, "qos": "urgent"}, Infeasible, "asks for 5 nodes, max_nodes of [qos.urgent] is 4"),
        ({"time_limit_s": 1801}, Infeasible, "asks for 30:01, max_time of [qos.normal] is 30:00"),
        ({"constraint": "epyc&"}, InvalidValue, "bad constraint 'epyc&', character 6"),
    ],
)
def test_what_the_site_would_never_run_is_refused(given: dict[str, object], kind: type[HpcschedError], said: str) -> None:
    with pytest.raises(kind) as error:
        settled(spec(**given), SITE)
    assert said in str(error.value)


def test_without_a_default_partition_a_job_must_name_one() -> None:
    with pytest.raises(InvalidValue, match="it names no partition and none is the default: give --partition one of a, b"):
        settled(spec(), Site(partitions=(Partition("a"), Partition("b"))))
    assert settled(spec(), Site(partitions=(Partition("a"),))).partition == "a"


def test_who_may_charge_no_account_is_told_so() -> None:
    with pytest.raises(InvalidValue, match="accounts of 'eve': none: ask an admin for one"):
        settled(spec(user="eve"), Site(accounts=(Account("a", users=(("ada", 1),)),)))


def test_waiting_and_running_jobs_are_limited_with_those_of_the_same_submission() -> None:
    site = Site(accounts=(Account("top", limits=Limits(max_submit=3)), Account("a", "top", limits=Limits(max_submit_per_user=2))))
    live = {("a", "", "", "ben"): 1, ("other", "", "", "ada"): 100}
    ledger = SubmitLedger(site, live)
    ledger.take(spec(account="a"))
    ledger.take(spec(account="a"))
    with pytest.raises(QueueFull, match=r"user 'ada', has 2 jobs that wait or run, max_submit_per_user of \[account.a\] is 2"):
        ledger.take(spec(account="a"))
    with pytest.raises(QueueFull, match=r"account top has 3 jobs that wait or run, max_submit of \[account.top\] is 3: try"):
        ledger.take(spec(account="a", user="eve"))
    ledger.take(spec(account="other"))


def offer(name: str, *features: str) -> NodeOffer:
    return replace(nouns.node(name).offer, features=features)


OFFERS = [offer("n1", "epyc"), offer("n2", "epyc", "ib"), offer("g1", "h100")]
PARTED = Site(partitions=(Partition("cpu", ("n*",), default=True), Partition("gpu", ("+h100",)), Partition("none", ("x*",))))


def test_only_nodes_of_the_partition_with_the_features_are_candidates() -> None:
    assert [item.name for item in candidates(spec(), PARTED, OFFERS)[0]] == ["n1", "n2"]
    assert [item.name for item in candidates(spec(partition="gpu"), PARTED, OFFERS)[0]] == ["g1"]
    found, where = candidates(spec(constraint="ib"), PARTED, OFFERS)
    assert ([item.name for item in found], where) == (["n2"], "partition cpu with 'ib'")
    assert candidates(spec(constraint="epyc"), Site(), OFFERS)[1] == "this cluster with 'epyc'"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"partition": "none"}, "partition none has no node: `hpcsched partitions`"),
        ({"constraint": "h100"}, "none of the 2 nodes of partition cpu is what the constraint 'h100' asks for"),
        ({"constraint": "opa"}, "no node has the feature 'opa'; this cluster has: epyc, h100, ib"),
    ],
)
def test_nodes_that_are_not_there_are_infeasible(given: dict[str, object], said: str) -> None:
    with pytest.raises(Infeasible) as error:
        candidates(spec(**given), PARTED, OFFERS)
    assert said in str(error.value)


def test_before_any_node_is_known_everything_may_wait() -> None:
    assert candidates(spec(partition="none", constraint="opa"), PARTED, [])[0] == []


def test_a_submit_is_judged_by_the_nodes_of_its_partition() -> None:
    state = State(PARTED)
    for number, item in enumerate(OFFERS):
        state.apply(NodeRegistered(float(number), item))
    assert decide.submit(state, "r", [spec(nodes=2)], 9.0, 10).jobs[0].spec.partition == "cpu"
    with pytest.raises(Infeasible, match="asks for 3 nodes, partition cpu has 2: at most --nodes 2"):
        decide.submit(state, "r", [spec(nodes=3)], 9.0, 10)
    with pytest.raises(Infeasible, match="job 2 of 2: asks for 2 nodes, partition gpu has 1"):
        decide.submit(state, "r", [spec(), spec(partition="gpu")], 9.0, 10)
