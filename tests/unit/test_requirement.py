"""Figures that jobs require of their nodes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.certificate import Certified, CertifiedFigure
from hpcsched.model.job import JobSpec
from hpcsched.model.node import Node
from hpcsched.sched.nodelist import check_nodelist, chosen, left_out
from hpcsched.sched.requirement import check, meets, parse, require_certified, scale
from hpcsched.testing.topologies import grid, offer_of

KERNEL = (("kernel", "6.1"),)


def node(name: str, triad: float | None = None, kernel: str = "6.1", image: str = "host", overhead: float = 0.004) -> Node:
    figures = (CertifiedFigure("stream.triad", triad or 0.0, "GB/s"), CertifiedFigure("overhead.stream", overhead, ""))
    certified = (Certified("0" * 16, image, KERNEL, 1.0, figures),) if triad is not None else ()
    return Node(replace(offer_of(grid(cores=2), name), facts=(("kernel", kernel),)), connected=True, certified=certified)


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("stream.triad >= 20GB/s", True),
        ("stream.triad>=20.0 GB/s", True),
        ("stream.triad > 20GB/s", False),
        ("stream.triad >= 20000 MB/s", True),
        ("stream.triad >= 20001MB/s", False),
        ("stream.triad <= 0.03 TB/s", True),
        ("stream.triad >= 20", True),
        ("stream.triad >= 20 GFLOP/s", False),
        ("overhead.stream < 0.5%", True),
        ("overhead.stream < 0.4%", False),
        ("overhead.stream <= 0.004", True),
        ("stream.copy > 0", False),
    ],
)
def test_a_requirement_is_compared_in_its_own_unit(text: str, met: bool) -> None:
    assert meets((text,), node("n1", 20.0), "host") is met


def test_all_of_several_must_be_met() -> None:
    assert meets(("stream.triad >= 20GB/s", "overhead.stream < 1%"), node("n1", 20.0), "host")
    assert not meets(("stream.triad >= 20GB/s", "overhead.stream < 0.1%"), node("n1", 20.0), "host")


def test_a_certificate_that_no_longer_holds_shows_nothing() -> None:
    assert not meets(("stream.triad > 1",), node("n1", 20.0, kernel="6.2"), "host")


def test_a_certificate_of_another_image_shows_nothing() -> None:
    assert not meets(("stream.triad > 1",), node("n1", 20.0), "rocky9")
    assert meets(("stream.triad > 1",), node("n1", 20.0, image="rocky9"), "rocky9")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "stream",
        "stream >",
        "stream = 5",
        "stream == 5",
        "> 5",
        "a.b >= x",
        "a >= 1e999",
        "a >= 5 GB /s",
        "a;b > 1",
        "a" * 300,
    ],
)
def test_what_is_no_requirement_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(InvalidValue, match="write it like"):
        parse(text)


@given(st.text(max_size=40))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    with suppress(InvalidValue):
        assert parse(text).name in text


def test_more_than_a_few_are_refused() -> None:
    with pytest.raises(InvalidValue, match="at most 32"):
        check(("a > 1",) * 33)


@pytest.mark.parametrize(
    ("asked", "known", "factor"),
    [
        ("GB/s", "GB/s", 1),
        ("MB/s", "GB/s", 1e-3),
        ("us", "ns", 1e3),
        ("ms", "us", 1e3),
        ("%", "", 0.01),
        ("%", "GB/s", None),
        ("s", "GB", None),
    ],
)
def test_units_of_one_kind_are_converted_by_their_prefixes(asked: str, known: str, factor: float | None) -> None:
    assert scale(asked, known) == (None if factor is None else pytest.approx(factor))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stream.triad >= 30GB/s", "the nearest node (n2) shows 25 GB/s"),
        ("overhead.stream < 0.1%", "the nearest node (n1) shows 0.40%"),
        ("stream.copy > 1", "no certificate shows it; there are: overhead.stream, stream.triad"),
        ("stream.triad > 1 ns", "stream.triad is in GB/s"),
    ],
)
def test_what_no_node_shows_is_refused_with_the_nearest(text: str, message: str) -> None:
    with pytest.raises(Infeasible) as error:
        require_certified((text,), [node("n1", 20.0), node("n2", 25.0, overhead=0.02)], "host")
    assert message in str(error.value)


def test_without_any_certificate_it_says_how_to_get_one() -> None:
    with pytest.raises(Infeasible, match="bench run --certify"):
        require_certified(("stream.triad > 1",), [node("n1")], "host")


def test_each_met_by_some_node_but_not_together_is_refused() -> None:
    nodes = [node("n1", 20.0, overhead=0.001), node("n2", 25.0, overhead=0.02)]
    with pytest.raises(Infeasible, match="no node shows all of it"):
        require_certified(("stream.triad >= 25GB/s", "overhead.stream < 1%"), nodes, "host")


def test_before_any_node_is_known_it_may_wait() -> None:
    assert require_certified(("stream.triad > 1",), [], "host") == []


def test_a_list_of_nodes_leaves_out_all_others() -> None:
    spec = JobSpec(("x",), nodelist=("n2",))
    assert left_out(spec, node("n1")) == "not in its list of nodes"
    assert left_out(spec, node("n2")) == ""
    assert [one.name for one in chosen(spec, [node("n1"), node("n2")])] == ["n2"]


def test_a_list_that_names_a_node_nobody_knows_is_refused() -> None:
    with pytest.raises(Infeasible, match="no node 'n9'"):
        chosen(JobSpec(("x",), nodelist=("n9",)), [node("n1")])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (JobSpec(("x",), nodelist=("a b",)), "bad node name"),
        (JobSpec(("x",), nodelist=("n1", "n1"), nodes=2), "asks for 2 nodes of a list of 1"),
    ],
)
def test_a_list_that_cannot_be_is_refused(spec: JobSpec, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        check_nodelist(spec)
