"""One machine as several nodes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.errors import InvalidValue
from hpcsched.model.idset import IdSet
from hpcsched.model.job import ResourceRequest
from hpcsched.model.topology import NumaNode, PciDevice, Topology
from hpcsched.sched.binding import bind
from hpcsched.sched.shares import restrict, share
from hpcsched.testing.topologies import grid, offer_of, uneven, with_memory
from tests.captures import ALL, each, machine

GIB = 1 << 30


def assert_shared(topology: Topology, count: int) -> None:
    """Disjoint, complete, whole cores, and no memory twice; each part is a machine that can be bound."""
    parts = share(topology, count)
    views = [restrict(topology, part) for part in parts]
    assert sum(part.mask for part in parts) == topology.pus.mask
    assert [view.pus for view in views] == list(parts)
    assert sum(len(view.cores) for view in views) == len(topology.cores)
    assert max(len(view.cores) for view in views) - min(len(view.cores) for view in views) <= 1
    assert sum(view.memory for view in views) <= topology.memory
    for view in views:
        assert bind(offer_of(view), ResourceRequest()).mems
        assert not topology.memory or view.memory


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 2), st.data())
def test_shares_are_disjoint_whole_and_even(packages: int, nodes: int, cores: int, pus: int, data: st.DataObject) -> None:
    topology = grid(packages, nodes, 1, cores, pus, gap=4)
    assert_shared(topology, data.draw(st.integers(1, len(topology.cores))))


@each(ALL)
def test_real_machines_can_be_shared(path: Path) -> None:
    topology = machine(path)
    for count in {1, 2, len(topology.cores)}:
        assert_shared(topology, count)


def test_all_of_a_machine_is_the_machine() -> None:
    topology = grid(packages=2, nodes=2, gap=8)
    assert restrict(topology, topology.pus) == topology


def test_a_quarter_of_a_numa_node_has_a_quarter_of_its_memory() -> None:
    topology = grid(nodes=2, cores=4, pus=2)
    view = restrict(topology, topology.cores[5].pus)
    assert [(node.os_index, node.memory, str(node.pus)) for node in view.numa_nodes] == [(1, GIB // 4, "5,13")]
    assert view.numa_nodes[0].distances == ((1, 10),)
    assert [str(cache.pus) for cache in view.caches] == ["5,13"]
    assert view.cores == (topology.cores[5],)


def test_memory_goes_to_those_who_use_it_when_their_own_node_has_none() -> None:
    topology = uneven([[[2], [2]]], 1, [0, GIB].__getitem__)
    first, second = (restrict(topology, part) for part in share(topology, 2))
    assert [(node.os_index, node.memory) for node in first.numa_nodes] == [(0, 0), (1, GIB // 2)]
    assert [(node.os_index, node.memory) for node in second.numa_nodes] == [(1, GIB // 2)]


@pytest.mark.parametrize("count", [0, -1, 5])
def test_more_nodes_than_cores_are_refused(count: int) -> None:
    with pytest.raises(InvalidValue, match=f"cannot make {count} nodes of a machine with 4 cores"):
        share(grid(cores=4), count)


def test_cpus_that_do_not_exist_are_no_node() -> None:
    with pytest.raises(InvalidValue, match=r"none of the cpus 9-10 exist on this machine, which has 0-7"):
        restrict(grid(cores=4, pus=2), IdSet.parse("9-10"))


def test_a_part_sees_of_devices_and_memory_what_is_near_it() -> None:
    device = PciDevice("0000:65:00.0", "GPU", 1, IdSet.parse("4-7,12-15"))
    cxl = NumaNode(2, GIB, IdSet(), tier="CXL", near=IdSet.parse("0-15"))
    topology = replace(with_memory(grid(nodes=2, cores=4, pus=2), cxl), devices=(device,))
    view = restrict(topology, topology.numa_nodes[1].pus)
    assert view.devices == (device,)
    assert [(node.os_index, node.memory, node.tier, str(node.near)) for node in view.numa_nodes] == [
        (1, GIB, "DRAM", ""),
        (2, GIB // 2, "CXL", "4-7,12-15"),
    ]
    other = restrict(topology, topology.numa_nodes[0].pus)
    assert other.devices == (replace(device, numa=-1, cpus=IdSet()),)
    assert restrict(topology, topology.pus) == topology
