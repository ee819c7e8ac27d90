"""Parts of a job array side by side on one node."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.errors import Infeasible
from hpcsched.model.allocation import Binding, HugePages
from hpcsched.model.device import DeviceKind
from hpcsched.model.idset import IdSet
from hpcsched.model.job import ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.sched.binding import bind
from hpcsched.sched.parts import side_by_side
from hpcsched.testing.topologies import grid, offer_of, with_devices

GIB, MIB = 1 << 30, 1 << 20
NODE = offer_of(grid(packages=2, caches=2, cores=4, pus=2))
"""Two NUMA nodes of two caches of four cores; core c has the PUs c and c+16."""


def cpus(parts: tuple[Binding, ...]) -> list[str]:
    return [str(part.cpus) for part in parts]


def test_parts_have_a_cache_each_while_there_is_room() -> None:
    parts = side_by_side(NODE, ResourceRequest(cores_per_node=2, threads_per_core=1), 4)
    assert cpus(parts) == ["0-1", "4-5", "8-9", "12-13"]


def test_parts_share_caches_but_no_core_where_there_is_no_room() -> None:
    parts = side_by_side(NODE, ResourceRequest(cpus_per_node=3), 9)
    assert cpus(parts) == ["0-1,16", "2-3,18", "4-5,20", "6-7,22", "8-9,24", "10-11,26", "12-13,28", "14-15,30"]


def test_no_more_parts_are_made_than_asked_for() -> None:
    assert len(side_by_side(NODE, ResourceRequest(cores_per_node=1), 3)) == 3
    assert side_by_side(NODE, ResourceRequest(cores_per_node=1), 0) == ()


def test_a_request_without_numbers_takes_the_whole_node_alone() -> None:
    assert side_by_side(NODE, ResourceRequest(), 5) == (bind(NODE, ResourceRequest()),)


def test_a_part_without_an_ask_for_memory_has_its_cpus_share_of_it() -> None:
    parts = side_by_side(NODE, ResourceRequest(cores_per_node=2), 8)
    assert [part.memory_split for part in parts] == [((0, GIB // 4),)] * 4 + [((1, GIB // 4),)] * 4


def test_memory_limits_the_number_of_parts() -> None:
    parts = side_by_side(NODE, ResourceRequest(cores_per_node=1, mem_per_node=GIB * 2 // 3), 9)
    assert [part.memory_split for part in parts] == [
        ((0, GIB * 2 // 3),),
        ((1, GIB * 2 // 3),),
        ((0, GIB - GIB * 2 // 3), (1, GIB * 2 // 3 - (GIB - GIB * 2 // 3))),
    ]
    assert len(side_by_side(NODE, ResourceRequest(cores_per_node=1, mem_per_node=GIB), 9)) == 2


def test_gpus_and_huge_pages_are_given_once() -> None:
    offer = replace(with_devices(NODE, DeviceKind.GPU, (0, 0, 1)), hugepages=(HugePages(0, MIB, 5), HugePages(1, MIB, 5)))
    parts = side_by_side(offer, ResourceRequest(cores_per_node=1, gpus_per_node=1), 9)
    assert [part.gpus[0][5:7] for part in parts] == ["01", "02", "03"]
    assert [str(part.mems) for part in parts] == ["0", "0", "1"]
    parts = side_by_side(offer, ResourceRequest(cores_per_node=1, hugepages=((MIB, 2),)), 4)
    assert [part.hugepages for part in parts] == [(HugePages(numa, MIB, 2),) for numa in (0, 0, 1, 1)]
    assert len(side_by_side(offer, ResourceRequest(cores_per_node=1, hugepages=((MIB, 1),)), 20)) == 10


def test_parts_without_an_ask_for_gpus_have_none() -> None:
    offer = with_devices(NODE, DeviceKind.GPU, (0, 1))
    assert [part.gpus for part in side_by_side(offer, ResourceRequest(cores_per_node=1), 2)] == [(), ()]


def test_not_even_one_part_is_refused_as_a_job_is() -> None:
    with pytest.raises(Infeasible, match="asks for 99 cores"):
        side_by_side(NODE, ResourceRequest(cores_per_node=99), 2)


@given(
    st.builds(
        ResourceRequest,
        cpus_per_node=st.integers(1, 8),
        mem_per_node=st.sampled_from([0, 100 * MIB, GIB]),
        threads_per_core=st.sampled_from([0, 1]),
        numa=st.sampled_from(["", "spread", "1"]),
    ),
    st.integers(1, 20),
)
def test_parts_share_nothing(request: ResourceRequest, most: int) -> None:
    parts = side_by_side(NODE, request, most)
    assert 1 <= len(parts) <= most
    touched = [touching(NODE, part.cpus) for part in parts]
    assert all(one.isdisjoint(other) for one, other in combinations(touched, 2))
    for index, node in enumerate(NODE.topology.numa_nodes):
        assert sum(dict(part.memory_split).get(index, 0) for part in parts) <= node.memory


def touching(offer: NodeOffer, part: IdSet) -> IdSet:
    """All PUs of all cores that it has a PU of."""
    cores = [core.pus for core in offer.topology.cores if not core.pus.isdisjoint(part)]
    return IdSet.of(number for core in cores for number in core)
