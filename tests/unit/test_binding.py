"""Which part of a node a job gets: properties over made-up and real machines, the best answer by brute force on small ones."""

from __future__ import annotations

import dataclasses
from itertools import chain, combinations
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.allocation import Binding
from hpcsched.model.idset import IdSet
from hpcsched.model.job import ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import Core, NumaNode, Topology
from hpcsched.sched.binding import bind, reserve
from hpcsched.sched.compact import fewest_that_hold, lowest_that_hold
from hpcsched.testing.topologies import grid, offer_of, uneven
from tests.captures import ALL, each, machine

GIB = 1 << 30
WHOLE = ResourceRequest()


def shapes() -> st.SearchStrategy[list[list[list[int]]]]:
    """Packages of NUMA nodes of caches: at most eight caches, some of them without cores."""
    cache = st.integers(0, 4)
    node = st.lists(cache, min_size=1, max_size=2)
    return st.lists(st.lists(node, min_size=1, max_size=2), min_size=1, max_size=2)


@st.composite
def machines(draw: st.DrawFn) -> Topology:
    memories = draw(st.lists(st.sampled_from([0, GIB, 3 * GIB]), min_size=4, max_size=4))
    shape = draw(shapes())
    assume(any(cores for package in shape for node in package for cores in node))
    return uneven(shape, draw(st.integers(1, 3)), memories.__getitem__, draw(st.sampled_from([1, 8])))


@st.composite
def offers(draw: st.DrawFn) -> NodeOffer:
    topology = draw(machines())
    cpus = draw(st.lists(st.sampled_from(sorted(topology.pus)), min_size=1, unique=True)) if draw(st.booleans()) else topology.pus
    return offer_of(topology, cpus=IdSet.of(cpus))


def core_masks(offer: NodeOffer) -> list[int]:
    masks = (core.pus.mask & offer.cpus.mask for core in offer.topology.cores)
    return [mask for mask in masks if mask]


def assert_sound(offer: NodeOffer, binding: Binding) -> None:
    """What is true of every binding."""
    assert binding.cpus
    assert binding.cpus <= offer.cpus
    assert binding.mems
    memory = {node.os_index: node.memory for node in offer.topology.numa_nodes}
    assert set(binding.mems) <= set(memory)
    assert all(memory[index] for index in binding.mems) or not any(memory.values())
    assert sum(size for _, size in binding.memory_split) == binding.memory
    assert not any(memory.values()) or all(size <= memory[index] for index, size in binding.memory_split)


def assert_local(offer: NodeOffer, binding: Binding) -> None:
    """With no memory asked for, mems are exactly the nodes of the cpus, where these have memory."""
    homes = [node for node in offer.topology.numa_nodes if not node.pus.isdisjoint(binding.cpus)]
    if all(node.memory for node in homes):
        assert binding.mems == IdSet.of(node.os_index for node in homes)
    else:
        assert len(binding.mems) <= len(homes)


def assert_cores(offer: NodeOffer, count: int) -> None:
    binding = bind(offer, ResourceRequest(cores_per_node=count))
    touched = [mask for mask in core_masks(offer) if mask & binding.cpus.mask]
    assert len(touched) == count
    assert sum(touched) == binding.cpus.mask
    assert_sound(offer, binding)
    assert_local(offer, binding)
    assert bind(offer, ResourceRequest(cores_per_node=count)) == binding


def assert_cpus(offer: NodeOffer, count: int) -> None:
    binding = bind(offer, ResourceRequest(cpus_per_node=count))
    touched = [mask for mask in core_masks(offer) if mask & binding.cpus.mask]
    broken = [mask for mask in touched if mask & ~binding.cpus.mask]
    assert len(binding.cpus) == count
    assert len(broken) <= 1
    assert_sound(offer, binding)
    assert_local(offer, binding)
    assert bind(offer, ResourceRequest(cpus_per_node=count)) == binding


@given(offers())
def test_without_a_request_the_whole_offer_is_given(offer: NodeOffer) -> None:
    binding = bind(offer, WHOLE)
    memory = {node.os_index: node.memory for node in offer.topology.numa_nodes}
    assert (binding.cpus, binding.memory) == (offer.cpus, sum(memory[index] for index in binding.mems))
    assert_sound(offer, binding)
    assert_local(offer, binding)


@given(offers(), st.data())
def test_cores_are_whole_and_exactly_as_many_as_asked_for(offer: NodeOffer, data: st.DataObject) -> None:
    assert_cores(offer, data.draw(st.integers(1, len(core_masks(offer)))))


@given(offers(), st.data())
def test_cpus_are_exactly_as_many_as_asked_for_and_break_one_core_at_most(offer: NodeOffer, data: st.DataObject) -> None:
    assert_cpus(offer, data.draw(st.integers(1, len(offer.cpus))))


@each(ALL)
def test_every_ask_of_a_real_machine_is_given(path: Path) -> None:
    topology = machine(path)
    kept_back = topology.pus - reserve(topology, len(topology.cores) // 5)
    for offer in (offer_of(topology), offer_of(topology, cpus=kept_back)):
        assert_sound(offer, bind(offer, WHOLE))
        for count in sorted({1, 2, len(core_masks(offer)) // 2, len(core_masks(offer)) - 1, len(core_masks(offer))} - {0}):
            assert_cores(offer, count)
            assert_cpus(offer, count)


def best_by_brute_force(offer: NodeOffer, ask: int) -> IdSet:
    """All sets of (NUMA node, cache) pairs that hold so many cores, the best by the stated order."""
    topology = offer.topology
    groups: dict[tuple[int, int], list[int]] = {}
    for core in topology.cores:
        mask = core.pus.mask & offer.cpus.mask
        home = next(position for position, cache in enumerate(topology.caches) if cache.pus.mask & core.pus.mask)
        if mask:
            groups.setdefault((core.numa, home), []).append(mask)
    subsets = chain.from_iterable(combinations(groups, size) for size in range(1, len(groups) + 1))
    best = min((cost(topology, keys), keys) for keys in subsets if sum(len(groups[key]) for key in keys) >= ask)
    cores = [mask for key in best[1] for mask in groups[key]]
    return IdSet(sum(cores[:ask]))


def cost(topology: Topology, keys: tuple[tuple[int, int], ...]) -> tuple[int, int, int, tuple[int, ...]]:
    nodes = tuple(sorted({numa for numa, _ in keys}))
    of = {node.os_index: node for node in topology.numa_nodes}
    spread = sum(of[a].distance(b) + of[b].distance(a) for a, b in combinations(nodes, 2))
    return len(nodes), spread, len(keys), nodes


@given(offers(), st.data())
def test_the_cores_are_the_most_compact_that_there_are(offer: NodeOffer, data: st.DataObject) -> None:
    ask = data.draw(st.integers(1, len(core_masks(offer))))
    assert bind(offer, ResourceRequest(cores_per_node=ask)).cpus == best_by_brute_force(offer, ask)


def test_on_very_many_numa_nodes_the_fewest_are_still_taken() -> None:
    topology = grid(packages=16, nodes=4, cores=2)
    binding = bind(offer_of(topology), ResourceRequest(cores_per_node=20))
    assert len(binding.mems) == 10
    assert len({core.package for core in topology.cores if not core.pus.isdisjoint(binding.cpus)}) == 3


def test_on_very_many_uneven_numa_nodes_the_fewest_are_still_taken() -> None:
    topology = uneven([[[5 if node % 3 == 0 else 1]] for node in range(24)], 1, lambda _: GIB)
    assert len(bind(offer_of(topology), ResourceRequest(cores_per_node=41)).mems) == 9


def test_two_nodes_of_one_package_come_before_two_of_different_packages() -> None:
    topology = grid(packages=2, nodes=2, cores=4)
    offer = offer_of(topology, cpus=topology.pus - topology.numa_nodes[0].pus)
    assert str(bind(offer, ResourceRequest(cores_per_node=8)).mems) == "2-3"


def test_one_cache_that_holds_all_comes_before_two_with_lower_ids() -> None:
    offer = offer_of(uneven([[[2, 2, 4]]], 1, lambda _: GIB))
    assert str(bind(offer, ResourceRequest(cores_per_node=4)).cpus) == "4-7"


@given(st.lists(st.integers(0, 9), max_size=7), st.integers(1, 40))
def test_the_lowest_of_the_fewest_weights_are_chosen(weights: list[int], ask: int) -> None:
    assume(sum(weights) >= ask)
    subsets = chain.from_iterable(combinations(range(len(weights)), size) for size in range(len(weights) + 1))
    able = [one for one in subsets if sum(weights[position] for position in one) >= ask]
    fewest = min(map(len, able))
    assert fewest_that_hold(weights, ask) == fewest
    assert lowest_that_hold(weights, ask) == list(min(one for one in able if len(one) == fewest))


def test_three_cpus_of_cores_with_two_take_two_cores_and_leave_one_cpu_idle() -> None:
    offer = offer_of(grid(cores=4, pus=2))
    assert str(bind(offer, ResourceRequest(cpus_per_node=3)).cpus) == "0-1,4"


def test_cores_and_cpus_that_agree_are_given() -> None:
    offer = offer_of(grid(cores=4, pus=2))
    assert bind(offer, ResourceRequest(2, 1)) == bind(offer, ResourceRequest(cores_per_node=1))
    assert bind(offer, ResourceRequest(3, 2)) == bind(offer, ResourceRequest(cpus_per_node=3))


@pytest.mark.parametrize("cpus", [2, 5])
def test_cores_and_cpus_that_disagree_are_refused(cpus: int) -> None:
    with pytest.raises(InvalidValue, match=f"asks for 2 cores and {cpus} cpus per node, but 2 cores of node n1 have 4 cpus"):
        bind(offer_of(grid(cores=4, pus=2)), ResourceRequest(cpus, 2))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ResourceRequest(cores_per_node=99), "asks for 99 cores per node, node n1 hands out 4"),
        (ResourceRequest(cpus_per_node=99), "asks for 99 cpus per node, node n1 hands out 8"),
        (ResourceRequest(mem_per_node=2 * GIB), "asks for 2G of memory per node, node n1 hands out 1G at most"),
    ],
)
def test_what_the_node_can_never_give_is_named_with_what_it_has(request_: ResourceRequest, message: str) -> None:
    with pytest.raises(Infeasible) as caught:
        bind(offer_of(grid(cores=4, pus=2)), request_)
    assert str(caught.value) == message


def test_a_node_without_cpus_hands_out_nothing() -> None:
    with pytest.raises(Infeasible, match="n1 hands out no cpus"):
        bind(offer_of(grid(), cpus=IdSet()), WHOLE)


def with_extra(topology: Topology, *extra: NumaNode) -> Topology:
    return dataclasses.replace(topology, numa_nodes=(*topology.numa_nodes, *extra))


def test_memory_without_cpus_is_left_out() -> None:
    offer = offer_of(with_extra(grid(nodes=2), NumaNode(252, 16 * GIB, IdSet())))
    assert str(bind(offer, WHOLE).mems) == "0-1"


def test_memory_without_cpus_is_taken_where_there_is_no_other() -> None:
    bare = grid(nodes=2, memory=0)
    offer = offer_of(with_extra(bare, NumaNode(7, GIB, IdSet()), NumaNode(8, GIB, IdSet())))
    assert str(bind(offer, WHOLE).mems) == "7"


def test_cores_of_a_node_without_memory_use_the_nearest_that_has_some() -> None:
    offer = offer_of(uneven([[[4], [4]], [[4], [4]]], 1, [GIB, GIB, 0, GIB].__getitem__))
    assert str(bind(offer, ResourceRequest(cores_per_node=4)).mems) == "0"
    offer = dataclasses.replace(offer, cpus=offer.topology.numa_nodes[2].pus)
    assert str(bind(offer, WHOLE).mems) == "3"


def test_where_no_memory_is_known_the_nodes_of_the_cores_are_given() -> None:
    offer = offer_of(grid(nodes=2, memory=0))
    assert str(bind(offer, ResourceRequest(cores_per_node=4, mem_per_node=GIB)).mems) == "0"


def asked_memory(offer: NodeOffer, size: int) -> Binding:
    return bind(offer, ResourceRequest(cores_per_node=1, mem_per_node=size))


def test_memory_that_fits_the_local_node_stays_there() -> None:
    binding = asked_memory(offer_of(grid(packages=2, nodes=2)), GIB)
    assert binding == Binding(IdSet.parse("0,16"), IdSet.parse("0"), GIB, memory_split=((0, GIB),))


def test_memory_that_does_not_fit_widens_to_the_nearest_node() -> None:
    topology = grid(packages=2, nodes=2)
    offer = offer_of(topology, cpus=topology.numa_nodes[3].pus)
    assert str(asked_memory(offer, GIB + 1).mems) == "2-3"
    assert str(asked_memory(offer, 2 * GIB + 1).mems) == "0,2-3"


def test_memory_without_cpus_comes_last_when_memory_is_short() -> None:
    fast = NumaNode(9, GIB, IdSet(), ((0, 11),))
    offer = offer_of(with_extra(grid(packages=2, nodes=1), fast))
    assert str(asked_memory(offer, 2 * GIB).mems) == "0-1"
    assert str(asked_memory(offer, 2 * GIB + 1).mems) == "0-1,9"


def test_a_node_that_keeps_memory_back_does_so_on_each_numa_node() -> None:
    offer = offer_of(grid(nodes=2), memory=GIB)
    assert str(asked_memory(offer, GIB // 2).mems) == "0"
    assert str(asked_memory(offer, GIB // 2 + 1).mems) == "0-1"
    assert str(asked_memory(offer, GIB).mems) == "0-1"


def test_a_node_that_gives_no_figure_has_what_its_hardware_has() -> None:
    offer = offer_of(grid(nodes=2), memory=0)
    assert bind(offer, WHOLE).memory == 0
    assert str(asked_memory(offer, 2 * GIB).mems) == "0-1"
    with pytest.raises(Infeasible, match="hands out 2G at most"):
        asked_memory(offer, 2 * GIB + 1)


@given(offers(), st.data())
def test_memory_that_is_granted_is_there(offer: NodeOffer, data: st.DataObject) -> None:
    assume(offer.memory)
    ask = data.draw(st.integers(1, offer.memory))
    binding = asked_memory(offer, ask)
    assert binding.memory == ask
    assert sum(node.memory for node in offer.topology.numa_nodes if node.os_index in binding.mems) >= ask
    assert_sound(offer, binding)


def test_the_housekeeping_cores_are_the_first_of_the_first_numa_node() -> None:
    topology = grid(packages=2, cores=4, pus=2)
    assert str(reserve(topology, 0)) == ""
    assert str(reserve(topology, 2)) == "0-1,8-9"
    assert str(reserve(topology, 5)) == "0-4,8-12"


def test_the_housekeeping_cores_stay_on_one_numa_node_where_pus_are_numbered_across() -> None:
    cores = tuple(Core(number, number // 2, number // 2, IdSet.of([pu])) for number, pu in enumerate((0, 2, 1, 3)))
    nodes = (NumaNode(0, GIB, IdSet.parse("0,2")), NumaNode(1, GIB, IdSet.parse("1,3")))
    assert str(reserve(Topology(cores, nodes), 2)) == "0,2"


@given(machines(), st.data())
def test_housekeeping_takes_whole_cores_and_leaves_one(topology: Topology, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(topology.cores) - 1))
    reserved = reserve(topology, count)
    whole = [core for core in topology.cores if core.pus <= reserved]
    assert len(whole) == count
    assert sum(len(core.pus) for core in whole) == len(reserved)


@pytest.mark.parametrize("count", [-1, 4, 99])
def test_not_all_cores_can_be_kept_back(count: int) -> None:
    with pytest.raises(InvalidValue, match=f"cannot reserve {count} cores of a node that has 4"):
        reserve(grid(cores=4), count)
