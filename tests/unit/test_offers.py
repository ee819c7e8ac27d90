"""What nodes offer is kept once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hpcsched.model.node import NodeOffer
from hpcsched.sched.fit import Fitter
from hpcsched.state.events import NodeRegistered
from hpcsched.state.offers import Offers
from hpcsched.state.state import State
from hpcsched.testing.strategies import values
from hpcsched.testing.topologies import grid, offer_of


def made(name: str, cores: int) -> NodeOffer:
    return offer_of(grid(cores=cores), name)


@given(found=st.lists(values(NodeOffer), max_size=4))
def test_what_is_shared_is_equal_to_what_was_told(found: list[NodeOffer]) -> None:
    offers = Offers()
    assert [offers.shared(offer) for offer in found] == found


def test_nodes_that_offer_the_same_share_it() -> None:
    state = State()
    for number in range(4):
        state.apply(NodeRegistered(1.0, made(f"n{number}", 1 + number % 2)))
    first, second, third, _ = (node.offer for node in state.nodes.values())
    assert first.topology is third.topology
    assert first.topology is not second.topology
    again = State.load(state.dump())
    assert again.nodes == state.nodes
    assert again.nodes["n0"].offer.topology is again.nodes["n2"].offer.topology


def test_nodes_are_of_one_kind_whether_or_not_they_share_what_they_offer() -> None:
    fitter, one = Fitter(), made("n1", 2)
    shared, alike, other = replace(one, name="n2"), made("n3", 2), made("n4", 3)
    assert fitter.kind(one) is fitter.kind(shared) is fitter.kind(alike)
    assert fitter.kind(one) is not fitter.kind(other)
