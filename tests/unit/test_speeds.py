"""Nodes of equal speed for one job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.model.canary import Median
from hpcsched.model.certificate import Certified, CertifiedFigure
from hpcsched.model.job import Job, JobSpec, JobState
from hpcsched.model.node import Node
from hpcsched.model.site import Site
from hpcsched.model.snapshot import Plan, Snapshot
from hpcsched.policies.conservative import Conservative
from hpcsched.policies.easy import Easy
from hpcsched.sched import bits
from hpcsched.sched.fit import Fitter
from hpcsched.sched.speeds import NONE, WITHIN, closest
from hpcsched.sched.verify import verify
from hpcsched.testing.topologies import grid, offer_of

KERNEL = (("kernel", "6.1"),)
POLICIES = pytest.mark.parametrize("policy", [Easy, Conservative])


def node(name: str, triad: float = 0.0) -> Node:
    figures = (CertifiedFigure("stream.triad", triad, "GB/s"),)
    certified = (Certified("0" * 16, "host", KERNEL, 1.0, figures),) if triad else ()
    return Node(replace(offer_of(grid(cores=2), name), facts=KERNEL), connected=True, certified=certified)


def plan(
    policy: type[Easy | Conservative], speeds: Sequence[float], wanted: int, metric: str = "stream.triad", own: str = ""
) -> Plan:
    """Of one job on nodes n1, n2, …; `metric` is the site's, `own` that of the job."""
    nodes = tuple(node(f"n{at}", speed) for at, speed in enumerate(speeds, 1))
    spec = JobSpec(command=("true",), nodes=wanted, time_limit_s=60, partition="default", account="default", qos="normal")
    job = Job(1, replace(spec, equal_speed=own), "r", JobState.PENDING, 0.0)
    snapshot = Snapshot(100.0, nodes, (job,), (), Site(equal_speed=metric))
    found = policy().plan(snapshot)
    verify(found, snapshot)
    return found


@POLICIES
def test_a_job_of_several_nodes_gets_such_as_are_equally_fast(policy: type[Easy | Conservative]) -> None:
    [start] = plan(policy, [20.0, 15.0, 20.1, 15.2, 20.2], 3).starts
    assert start.allocation.nodes == ("n1", "n3", "n5")
    assert start.why == "3 free nodes that fit and are equally fast: stream.triad within 1.0% by their certificates"


@POLICIES
def test_it_starts_all_the_same_where_no_such_are_free(policy: type[Easy | Conservative]) -> None:
    [start] = plan(policy, [20.0, 15.0, 10.0, 0.0], 3).starts
    assert start.allocation.nodes == ("n1", "n2", "n3")
    assert "equally fast" not in start.why


@POLICIES
def test_one_node_is_the_first_by_name(policy: type[Easy | Conservative]) -> None:
    [start] = plan(policy, [20.0, 15.0, 15.1], 1).starts
    assert start.allocation.nodes == ("n1",)


def test_a_site_that_does_not_want_it_takes_the_first_by_name() -> None:
    [start] = plan(Easy, [20.0, 15.0, 20.1], 2, metric="").starts
    assert start.allocation.nodes == ("n1", "n2")


@POLICIES
def test_a_job_may_want_it_by_itself_and_hears_where_it_does_not_get_it(policy: type[Easy | Conservative]) -> None:
    [start] = plan(policy, [20.0, 15.0, 20.1], 2, metric="", own="stream.triad").starts
    assert start.allocation.nodes == ("n1", "n3")
    [start] = plan(policy, [20.0, 15.0, 10.0], 2, metric="", own="stream.triad").starts
    assert start.why == "the first 2 by name of 3 free nodes that fit; they differ by 33.3% in stream.triad"
    [start] = plan(policy, [20.0, 0.0], 2, metric="", own="stream.triad").starts
    assert start.why == "the 2 free nodes that fit; stream.triad is not known of all of them"


def test_what_a_job_names_comes_before_what_the_site_wants() -> None:
    [start] = plan(Easy, [20.0, 15.0, 20.1], 2, metric="stream.copy", own="stream.triad").starts
    assert start.allocation.nodes == ("n1", "n3")
    [start] = plan(Easy, [20.0, 15.0, 20.1], 2, own=NONE).starts
    assert start.allocation.nodes == ("n1", "n2")


def measured(before: Node, triad: float) -> Node:
    return replace(before, medians=(Median("stream.triad", triad, "GB/s"), Median("stream.copy", 1.0, "GB/s")))


def chosen(policy: Easy, *nodes: Node) -> tuple[tuple[str, ...], str]:
    """What a job of two nodes gets, and why."""
    job = Job(1, JobSpec(command=("true",), nodes=2, equal_speed="stream.triad"), "r", JobState.PENDING, 0.0)
    [start] = policy.plan(Snapshot(100.0, nodes, (job,), (), Site())).starts
    return start.allocation.nodes, start.why


def test_nodes_without_certificates_are_compared_by_their_canaries() -> None:
    nodes, why = chosen(Easy(), measured(node("n1"), 20.0), measured(node("n2"), 15.0), measured(node("n3"), 20.1))
    assert nodes == ("n1", "n3")
    assert why == "2 free nodes that fit and are equally fast: stream.triad within 0.5% by their canaries"


def test_canaries_come_before_certificates_and_the_two_are_never_compared_with_each_other() -> None:
    first, second, third = measured(node("n1", 20.0), 10.0), measured(node("n2", 20.0), 15.0), measured(node("n3", 25.0), 10.0)
    assert chosen(Easy(), first, second, third)[0] == ("n1", "n3")
    nodes, why = chosen(Easy(), first, second, node("n3", 10.0))
    assert nodes == ("n1", "n2")
    assert why.endswith("stream.triad within 0.0% by their certificates")
    assert chosen(Easy(), measured(node("n1"), 20.0), node("n2", 20.0), node("n3", 30.0))[1].endswith("not known of all of them")


def test_a_node_that_is_not_as_fast_any_more_is_seen_without_looking_at_what_fits_anew() -> None:
    policy, fast, slow = Easy(), measured(node("n1"), 20.0), measured(node("n2"), 15.0)
    assert chosen(policy, fast, slow, measured(node("n3"), 20.1))[0] == ("n1", "n3")
    assert chosen(policy, fast, slow, measured(node("n3"), 15.1))[0] == ("n2", "n3")
    fitter = Fitter()
    fitter.see(Site(), (fast,))
    epoch, before = fitter.fleet.epoch, fitter.fleet.measured
    fitter.see(Site(), (measured(fast, 15.0),))
    assert (fitter.fleet.epoch, fitter.fleet.measured) == (epoch, before + 1)


def test_a_node_with_another_kernel_shows_no_speed_any_more() -> None:
    fitter, before = Fitter(), node("n1", 20.0)
    fitter.see(Site(), (before,))
    epoch = fitter.fleet.epoch
    fitter.see(Site(), (replace(before, offer=replace(before.offer, facts=(("kernel", "6.2"),))),))
    assert fitter.fleet.epoch != epoch


@given(st.lists(st.floats(1.0, 1.2), min_size=2, max_size=7), st.data())
def test_the_closest_are_chosen_and_none_where_none_are_close(values: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(2, len(values)))
    known = sorted((value, rank) for rank, value in enumerate(values))
    found = closest(known, (1 << len(values)) - 1, count)
    best = min(max(some) / min(some) for some in combinations(values, count))
    if best > 1 + WITHIN:
        assert found == 0
    else:
        chosen = [values[rank] for rank in bits.ranks(found)]
        assert len(chosen) == count
        assert max(chosen) / min(chosen) == best
