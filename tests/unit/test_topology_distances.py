"""Distances between NUMA nodes as firmware gives them, which is not always the truth."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.errors import TopologyError
from hpcsched.hardware.topology import parse_topology
from hpcsched.model.topology import Topology
from tests.topology_xml import core, matrix, numa, xml


def machine(indexes: str, values: str) -> Topology:
    nodes = (numa(index, f"0x{1 << place:x}") for place, index in enumerate((0, 1, 8)))
    return parse_topology(xml(*nodes, core(0), core(1), core(2), after=matrix(indexes, values)))


def rows(topology: Topology) -> list[list[int]]:
    return [[node.distance(other.os_index) for other in topology.numa_nodes] for node in topology.numa_nodes]


PLAIN = [[10, 20, 20], [20, 10, 20], [20, 20, 10]]


def test_distances_may_differ_by_direction_and_reach_255() -> None:
    assert rows(machine("0 1 8", "10 12 255 13 10 32 254 31 10")) == [[10, 12, 255], [13, 10, 32], [254, 31, 10]]


def test_all_equal_distances_are_taken_as_they_are() -> None:
    assert rows(machine("0 1 8", "10 " * 9)) == [[10] * 3] * 3


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ("10 0 21 21 10 21 21 21 10", "0 from node 0 to node 1 is outside 10-255"),
        ("10 21 21 21 10 21 21 9 10", "9 from node 8 to node 1 is outside 10-255"),
        ("0 0 0 0 0 0 0 0 0", "0 from node 0 to node 0 is outside 10-255"),
        ("10 256 21 21 10 21 21 21 10", "256 from node 0 to node 1 is outside 10-255"),
        ("10 21 21 21 10 21 99999999999999999999 21 10", "99999999999999999999 from node 8 to node 0 is outside 10-255"),
        ("20 10 21 21 10 21 21 21 10", "node 1 is nearer to node 0 (10) than node 0 itself (20)"),
        ("10 21 21 21 30 21 21 21 10", "node 0 is nearer to node 1 (21) than node 1 itself (30)"),
    ],
)
def test_distances_that_cannot_be_true_are_not_used_and_the_reason_is_told(
    values: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert rows(machine("0 1 8", values)) == PLAIN
    assert [record.getMessage().endswith(f"are not used: {reason}") for record in caplog.records] == [True]


@pytest.mark.parametrize(
    ("indexes", "values", "reason"),
    [
        ("0 1", "10 21 21", "3 distances between 2 NUMA nodes, not 4"),
        ("0 1", "10 21 21 10 10", "5 distances between 2 NUMA nodes, not 4"),
        ("0 0", "10 21 21 10", "between 2 NUMA nodes, of which 1 differ"),
        (" ".join(map(str, range(1025))), "10", "between 1025 NUMA nodes"),
        ("0 1", "10 21 21 -10", "a distance that is no number"),
        ("0 1", "10 21 21 \u0661\u0660", "a distance that is no number"),
        ("0 one", "10 21 21 10", "a distance that is no number"),
    ],
)
def test_what_is_no_matrix_is_refused(indexes: str, values: str, reason: str) -> None:
    with pytest.raises(TopologyError, match=reason):
        machine(indexes, values)


def test_distances_to_nodes_that_are_not_there_are_left_out() -> None:
    topology = machine("0 5 8", "10 21 32 21 10 21 32 21 10")
    assert [node.distances for node in topology.numa_nodes] == [((0, 10), (8, 32)), (), ((0, 32), (8, 10))]


@given(st.lists(st.integers(0, 300), min_size=9, max_size=9))
def test_a_node_is_never_farther_from_itself_than_others_are(values: list[int]) -> None:
    for place, row in enumerate(rows(machine("0 1 8", " ".join(map(str, values))))):
        assert row[place] == min(row)
        assert all(10 <= distance <= 255 for distance in row)
