"""Housekeeping cores, SMT siblings, and the choice of NUMA nodes."""

from __future__ import annotations

import pytest

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.job import ResourceRequest
from hpcsched.sched.binding import bind, reserve
from hpcsched.sched.numa_choice import deal, proportional
from hpcsched.testing.topologies import grid, offer_of, uneven

GIB = 1 << 30
FOUR = offer_of(grid(packages=2, nodes=2, cores=4, pus=2))
"""NUMA node n has the cores 4n to 4n+3; core c has the PUs c and c+16."""


def cpus(**request: object) -> str:
    return str(bind(FOUR, ResourceRequest(**request)).cpus)  # type: ignore[arg-type]


def mems(**request: object) -> str:
    return str(bind(FOUR, ResourceRequest(**request)).mems)  # type: ignore[arg-type]


def test_housekeeping_cores_lie_on_each_numa_node_in_turn_when_spread() -> None:
    topology = grid(packages=2, nodes=2, cores=4, pus=1)
    assert str(reserve(topology, 3, "numa")) == "0,4,8"
    assert str(reserve(topology, 6, "numa")) == "0-1,4-5,8,12"
    assert str(reserve(topology, 6, "first")) == "0-5"


def test_spread_housekeeping_passes_by_a_numa_node_that_has_no_more_cores() -> None:
    assert str(reserve(uneven([[[1], [4]]], 1, lambda _: GIB), 4, "numa")) == "0-3"


def test_an_unknown_way_to_spread_housekeeping_is_refused() -> None:
    with pytest.raises(InvalidValue, match="cannot spread reserved cores as 'all': give one of first, numa"):
        reserve(grid(), 1, "all")


def test_one_thread_for_each_core_leaves_the_siblings_to_nobody() -> None:
    assert cpus(threads_per_core=1) == "0-15"
    assert cpus(threads_per_core=1, cpus_per_node=3) == "0-2"
    assert cpus(threads_per_core=1, cores_per_node=3) == "0-2"
    assert cpus(threads_per_core=2, cores_per_node=3) == "0-2,16-18"
    assert cpus(threads_per_core=9) == "0-31"


def test_the_lowest_thread_that_the_node_hands_out_is_taken() -> None:
    topology = grid(cores=2, pus=2)
    offer = offer_of(topology, cpus=topology.pus - topology.pus.of([0]))
    assert str(bind(offer, ResourceRequest(threads_per_core=1)).cpus) == "1-2"


def test_more_cpus_than_there_are_threads_allowed_are_refused() -> None:
    with pytest.raises(Infeasible, match="asks for 17 cpus per node with 1 per core, node n1 hands out 16"):
        cpus(threads_per_core=1, cpus_per_node=17)


def test_packed_cores_lie_on_the_fewest_numa_nodes() -> None:
    assert cpus(numa="pack", cores_per_node=5) == cpus(cores_per_node=5)
    assert mems(numa="pack", cores_per_node=5) == "0-1"


def test_spread_cores_lie_evenly_on_all_numa_nodes() -> None:
    assert cpus(numa="spread", cores_per_node=8, threads_per_core=1) == "0-1,4-5,8-9,12-13"
    assert mems(numa="spread", cores_per_node=4) == "0-3"
    assert cpus(numa="spread", cores_per_node=2, threads_per_core=1) == "0,8"


def test_spread_cpus_are_even_even_where_that_breaks_cores() -> None:
    assert cpus(numa="spread", cpus_per_node=12) == "0-1,4-5,8-9,12-13,16,20,24,28"


def test_spread_cores_are_compact_inside_each_numa_node() -> None:
    offer = offer_of(uneven([[[1, 2], [1, 2]]], 1, lambda _: GIB))
    assert str(bind(offer, ResourceRequest(numa="spread", cores_per_node=4)).cpus) == "1-2,4-5"


def test_what_a_small_numa_node_cannot_hold_goes_to_the_others() -> None:
    offer = offer_of(uneven([[[1], [4], [4]]], 1, lambda _: GIB))
    assert str(bind(offer, ResourceRequest(numa="spread", cores_per_node=7)).cpus) == "0-3,5-7"


def test_named_numa_nodes_give_the_cores_and_the_memory() -> None:
    assert (cpus(numa="0,2"), mems(numa="0,2")) == ("0-3,8-11,16-19,24-27", "0,2")
    assert (cpus(numa="1,3", cores_per_node=3, threads_per_core=1), mems(numa="1,3", cores_per_node=3)) == ("4-5,12", "1,3")
    assert (cpus(numa="1,3", cpus_per_node=1), mems(numa="1,3", cpus_per_node=1)) == ("4", "1,3")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ResourceRequest(numa="0,7"), "asks for NUMA node 7, node n1 hands out cpus of NUMA nodes 0-3: at most --numa 0-3"),
        (ResourceRequest(numa="2", cores_per_node=5), "asks for 5 cores per node on NUMA node 2, node n1 hands out 4"),
        (ResourceRequest(numa="0,2", cpus_per_node=17), "asks for 17 cpus per node on NUMA nodes 0,2, node n1 hands out 16"),
        (
            ResourceRequest(numa="0,2", mem_per_node=3 * GIB),
            "asks for 3G of memory per node, node n1 hands out 2G at most of NUMA nodes 0,2",
        ),
        (ResourceRequest(tuning="hpc"), "asks for tuning 'hpc', node n1 has: none"),
    ],
)
def test_what_numa_nodes_cannot_give_is_named(request_: ResourceRequest, message: str) -> None:
    with pytest.raises(Infeasible) as caught:
        bind(FOUR, request_)
    assert str(caught.value) == message


def test_a_numa_node_whose_cores_are_all_kept_back_is_not_there() -> None:
    offer = offer_of(FOUR.topology, cpus=FOUR.topology.pus - FOUR.topology.numa_nodes[0].pus)
    with pytest.raises(Infeasible, match="asks for NUMA node 0, node n1 hands out cpus of NUMA nodes 1-3"):
        bind(offer, ResourceRequest(numa="0"))


@pytest.mark.parametrize("numa", ["near", "0-", "1,,2", "-1"])
def test_a_numa_choice_of_another_form_is_refused(numa: str) -> None:
    with pytest.raises(InvalidValue, match="is neither pack, spread nor a list of NUMA nodes like 0,2"):
        bind(FOUR, ResourceRequest(numa=numa))


def test_parts_are_in_proportion_and_never_above_their_room() -> None:
    assert proportional(5, [1, 1, 1]) == [2, 2, 1]
    assert proportional(3, [8, 1, 1]) == [3, 0, 0]
    assert deal(5, [1, 1, 1], [1, 9, 9]) == [1, 2, 2]
    assert deal(5, [1, 1], [1, 1]) == [1, 1]
    assert deal(4, [0, 1], [9, 9]) == [0, 4]
