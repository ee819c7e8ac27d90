"""On which memory nodes a job's bytes and huge pages are, and how many on each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsched.errors import Infeasible
from hpcsched.model.allocation import Binding, HugePages
from hpcsched.model.idset import IdSet
from hpcsched.model.job import ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import NumaNode
from hpcsched.sched.binding import bind
from hpcsched.sched.memory import without_pools
from hpcsched.testing.topologies import grid, offer_of, uneven, with_memory

GIB, MIB = 1 << 30, 1 << 20
TWO = grid(packages=2, cores=4, pus=1)


def extra(tier: str, index: int = 9, near: str = "") -> NumaNode:
    return NumaNode(index, GIB, IdSet(), tier=tier, near=IdSet.parse(near))


def asked(offer: NodeOffer, size: int, cores: int = 1) -> Binding:
    return bind(offer, ResourceRequest(cores_per_node=cores, mem_per_node=size))


def with_pools(*pools: HugePages, memory: int = GIB) -> NodeOffer:
    return replace(offer_of(grid(packages=2, cores=4, pus=1, memory=memory)), hugepages=pools)


def test_memory_is_split_as_the_cpus_are() -> None:
    offer = offer_of(uneven([[[3], [1]]], 1, lambda _: GIB))
    assert bind(offer, ResourceRequest(mem_per_node=400)).memory_split == ((0, 300), (1, 100))


def test_what_a_memory_node_cannot_hold_is_counted_on_the_nearest() -> None:
    offer = offer_of(uneven([[[3], [1]]], 1, lambda _: GIB))
    assert bind(offer, ResourceRequest(mem_per_node=2 * GIB)).memory_split == ((0, GIB), (1, GIB))
    assert asked(offer_of(grid(packages=2, nodes=2)), GIB + 7).memory_split == ((0, GIB), (1, 7))


def test_without_an_ask_the_job_has_what_its_memory_nodes_hand_out() -> None:
    binding = bind(offer_of(TWO, memory=3 * GIB // 2), ResourceRequest(cores_per_node=4))
    assert (binding.memory, binding.memory_split) == (3 * GIB // 4, ((0, 3 * GIB // 4),))


def test_no_byte_is_lost_by_sharing_out_what_is_kept_back() -> None:
    offer = offer_of(grid(packages=3, cores=1, pus=1, memory=GIB), memory=GIB + 1)
    assert bind(offer, ResourceRequest()).memory == GIB + 1
    assert asked(offer, GIB + 1, cores=3).memory == GIB + 1


def test_a_machine_that_says_nothing_of_its_memory_gets_the_limit_it_was_given() -> None:
    offer = offer_of(grid(packages=2, memory=0), memory=GIB)
    assert bind(offer, ResourceRequest()).memory == GIB
    assert bind(offer, ResourceRequest(mem_per_node=MIB)).memory_split == ((0, MIB // 2), (1, MIB // 2))


def test_a_gpus_memory_is_never_given() -> None:
    offer = offer_of(with_memory(TWO, extra("GPU")))
    assert sum(without_pools(offer.topology, ()).values()) == 2 * GIB
    assert str(bind(offer, ResourceRequest()).mems) == "0-1"
    assert str(asked(offer, 2 * GIB).mems) == "0-1"
    with pytest.raises(Infeasible, match="node n1 hands out 2G at most"):
        asked(offer, 2 * GIB + 1)


def test_memory_without_cpus_comes_by_its_kind_when_memory_is_short() -> None:
    kinds = [extra("HBM", 5), extra("NVM", 6), extra("CXL", 7), extra("DRAM", 8)]
    offer = offer_of(with_memory(TWO, *kinds))
    assert [str(asked(offer, size * GIB).mems) for size in (2, 3, 4, 5, 6)] == ["0-1", "0-1,8", "0-1,7-8", "0-1,6-8", "0-1,5-8"]


def test_memory_without_cpus_that_is_near_comes_before_that_which_is_not() -> None:
    offer = offer_of(with_memory(TWO, extra("CXL", 8, near="4-7"), extra("CXL", 9, near="0-3")))
    other = replace(offer, cpus=IdSet.parse("0-3"))
    assert str(asked(other, 3 * GIB).mems) == "0-1,9"


def test_memory_with_cpus_of_its_own_is_ordinary_whatever_its_kind() -> None:
    topology = replace(TWO, numa_nodes=tuple(replace(node, tier="HBM") for node in TWO.numa_nodes))
    assert str(bind(offer_of(topology), ResourceRequest()).mems) == "0-1"


def test_huge_pages_are_spread_over_the_jobs_memory_nodes_as_far_as_the_pools_go() -> None:
    offer = with_pools(HugePages(0, 2 * MIB, 3), HugePages(1, 2 * MIB, 99), HugePages(1, MIB, 9))
    pages = bind(offer, ResourceRequest(hugepages=((2 * MIB, 4),))).hugepages
    assert pages == (HugePages(0, 2 * MIB, 2), HugePages(1, 2 * MIB, 2))
    pages = bind(offer, ResourceRequest(hugepages=((2 * MIB, 10), (MIB, 1)))).hugepages
    assert pages == (HugePages(0, 2 * MIB, 3), HugePages(1, MIB, 1), HugePages(1, 2 * MIB, 7))


def test_huge_pages_asked_in_two_parts_are_added_up() -> None:
    offer = with_pools(HugePages(0, MIB, 5))
    assert bind(offer, ResourceRequest(hugepages=((MIB, 2), (MIB, 3)))).hugepages == (HugePages(0, MIB, 5),)
    with pytest.raises(Infeasible, match="asks for 6 huge pages"):
        bind(offer, ResourceRequest(hugepages=((MIB, 3), (MIB, 3))))


def test_the_pools_are_no_memory_of_any_job() -> None:
    offer = with_pools(HugePages(0, 2 * MIB, 100))
    assert bind(offer, ResourceRequest()).memory_split == ((0, GIB - 200 * MIB), (1, GIB))
    assert str(asked(offer, GIB - 200 * MIB).mems) == "0"
    assert str(asked(offer, GIB - 199 * MIB).mems) == "0-1"


def test_a_node_whose_pools_take_all_memory_is_refused() -> None:
    with pytest.raises(Infeasible, match="node n1 hands out no memory of NUMA nodes 0-1: its huge pages take all of it"):
        bind(with_pools(HugePages(0, GIB, 1), HugePages(1, GIB, 1)), ResourceRequest())


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ResourceRequest(hugepages=((GIB, 1),)), "asks for 1 huge pages of 1G per node, node n1 has 8 of 2M"),
        (ResourceRequest(hugepages=((2 * MIB, 9),)), "asks for 9 huge pages of 2M per node, node n1 has 8"),
        (
            ResourceRequest(hugepages=((2 * MIB, 5),), cores_per_node=1),
            "asks for 5 huge pages of 2M per node, node n1 has 4 on the job's NUMA node 0, 8 in all",
        ),
    ],
)
def test_huge_pages_that_are_not_there_are_named(request_: ResourceRequest, message: str) -> None:
    with pytest.raises(Infeasible) as caught:
        bind(with_pools(HugePages(0, 2 * MIB, 4), HugePages(1, 2 * MIB, 4)), request_)
    assert str(caught.value) == message


def test_a_node_without_pools_says_so() -> None:
    with pytest.raises(Infeasible, match="node n1 has none set aside"):
        bind(offer_of(TWO), ResourceRequest(hugepages=((MIB, 1),)))
