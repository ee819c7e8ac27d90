"""hwloc's XML to a topology: a small machine of our own, strange ones written out here, captures of real ones."""

from __future__ import annotations

import os
import re
import signal
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.errors import MissingTool, TopologyError
from hpcsched.hardware import xmltree
from hpcsched.hardware.lstopo import LIVE, PROGRAM, TopologySource, synthetic
from hpcsched.hardware.topology import parse_topology, read_topology, topology_from_file
from hpcsched.model.topology import Topology
from tests.captures import GOLDEN
from tests.topology_xml import GIB, assert_sound, core, numa, xml


def nodes_of(topology: Topology) -> dict[int, tuple[int, str]]:
    return {node.os_index: (node.memory, str(node.pus)) for node in topology.numa_nodes}


def test_a_regular_machine_is_read_whole() -> None:
    topology = parse_topology(GOLDEN.read_bytes())
    assert [core.logical for core in topology.cores] == list(range(16))
    assert [core.package for core in topology.cores] == [0] * 8 + [1] * 8
    assert [core.numa for core in topology.cores] == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    assert [str(core.pus) for core in topology.cores[:2]] == ["0-1", "2-3"]
    assert nodes_of(topology) == {n: (GIB, f"{8 * n}-{8 * n + 7}") for n in range(4)}


def test_masks_put_the_highest_word_first_and_may_leave_words_empty() -> None:
    topology = parse_topology(xml(numa(0, "0x1,,0x80000000"), core(31), core(64)))
    assert nodes_of(topology) == {0: (GIB, "31,64")}


def test_numbering_may_have_gaps() -> None:
    topology = parse_topology(xml(numa(8, "0xf0"), core(4, 6, node="0x100"), core(5, 7, node="0x100")))
    assert [str(core.pus) for core in topology.cores] == ["4,6", "5,7"]
    assert nodes_of(topology) == {8: (GIB, "4-7")}


def test_cores_may_have_different_numbers_of_pus() -> None:
    topology = parse_topology(xml(numa(0, "0xf"), core(0, 1), core(2), core(3)))
    assert [len(core.pus) for core in topology.cores] == [2, 1, 1]


def test_pus_without_cores_are_cores() -> None:
    topology = parse_topology(xml(numa(0, "0x3"), '<object type="PU" os_index="0"/><object type="PU" os_index="1"/>'))
    assert [(core.logical, str(core.pus)) for core in topology.cores] == [(0, "0"), (1, "1")]


def test_a_machine_without_numa_nodes_has_node_0() -> None:
    assert nodes_of(parse_topology(xml('<object type="PU" os_index="3"/>'))) == {0: (0, "3")}


def test_a_pu_that_is_not_allowed_is_left_out_and_its_core_keeps_the_rest() -> None:
    topology = parse_topology(xml(numa(0, "0xf"), core(0, 1), core(2, 3), machine='allowed_cpuset="0x2"'))
    assert [(core.logical, str(core.pus)) for core in topology.cores] == [(0, "1")]
    assert nodes_of(topology) == {0: (GIB, "1")}


def test_memory_of_a_node_that_is_not_allowed_does_not_count() -> None:
    topology = parse_topology(xml(numa(0, "0x1"), numa(1, "0x2"), core(0), core(1), machine='allowed_nodeset="0x1"'))
    assert nodes_of(topology) == {0: (GIB, "0"), 1: (0, "1")}


def test_a_core_whose_node_is_hidden_names_the_node_that_the_kernel_knows() -> None:
    topology = parse_topology(xml(numa(1, "0x2"), core(0, node="0x8"), core(1, node="0x2")))
    assert nodes_of(topology) == {1: (GIB, "1"), 3: (0, "0")}


def test_high_bandwidth_memory_beside_ordinary_memory_is_nobodys_home() -> None:
    for kind in ("HBM", "MCDRAM", ""):
        topology = parse_topology(xml(numa(1, "0x3", 4 * GIB, kind), numa(0, "0x3", GIB), core(0), core(1)))
        assert nodes_of(topology) == {0: (GIB, "0-1"), 1: (4 * GIB, "")}


def test_high_bandwidth_memory_is_nobodys_home_even_when_it_is_closer_or_has_the_lower_index() -> None:
    topology = parse_topology(xml(numa(0, "0x1", GIB, "HBM"), numa(1, "0x3", GIB, "DRAM"), core(0), core(1)))
    assert nodes_of(topology) == {0: (GIB, ""), 1: (GIB, "0-1")}


def test_of_two_equal_nodes_around_a_core_that_with_memory_is_its_home() -> None:
    topology = parse_topology(xml(numa(0, "0x1", 0), numa(1, "0x1"), core(0)))
    assert nodes_of(topology) == {0: (0, ""), 1: (GIB, "0")}


def test_the_smaller_of_two_ordinary_nodes_around_a_core_is_its_home() -> None:
    topology = parse_topology(xml(numa(0, "0x3"), numa(1, "0x2"), core(0), core(1)))
    assert nodes_of(topology) == {0: (GIB, "0"), 1: (GIB, "1")}


def test_memory_without_cpus_is_kept_apart() -> None:
    topology = parse_topology(xml(numa(0, "0x1"), numa(252, "0x0", 16 * GIB), core(0)))
    assert nodes_of(topology) == {0: (GIB, "0"), 252: (16 * GIB, "")}


def distances(name: str = 'name="NUMALatency"', kind: int = 5, of: str = "NUMANode", indexing: str = "os") -> str:
    return (
        f'<distances2 type="{of}" nbobjs="2" kind="{kind}" {name} indexing="{indexing}"><indexes length="4">0 4 </indexes>'
        '<u64values length="6">10 33 </u64values><u64values length="6">31 10 </u64values></distances2>'
    )


def test_distances_are_keyed_by_os_index_and_may_differ_by_direction() -> None:
    topology = parse_topology(xml(numa(0, "0x1"), numa(4, "0x2"), core(0), core(1), after=distances()))
    near, far = topology.numa_nodes
    assert (near.distance(4), far.distance(0), near.distance(0)) == (33, 31, 10)


@pytest.mark.parametrize("other", [{"kind": 9}, {"kind": 6}, {"of": "Core"}, {"name": 'name="mine"'}, {"indexing": "gp"}])
def test_matrices_of_other_things_are_no_distances(other: dict[str, object]) -> None:
    topology = parse_topology(xml(numa(0, "0x1"), numa(4, "0x2"), core(0), core(1), after=distances(**other)))  # type: ignore[arg-type]
    assert [node.distances for node in topology.numa_nodes] == [(), ()]


def test_instruction_caches_are_left_out() -> None:
    caches = (
        '<object type="L2Cache" cpuset="0x3" cache_size="512" cache_type="0">'
        '<object type="L1Cache" cpuset="0x3" cache_size="32" cache_type="1">'
        '<object type="L1iCache" cpuset="0x3" cache_size="48" cache_type="2">'
    )
    topology = parse_topology(xml(caches, core(0, 1), "</object></object></object>"))
    assert [(cache.level, cache.size, str(cache.pus)) for cache in topology.caches] == [(2, 512, "0-1"), (1, 32, "0-1")]


def test_the_cpu_model_comes_from_the_package_in_one_line() -> None:
    package = '<object type="Package" os_index="3"><info name="CPUModel" value=" Big&#10;  CPU "/>'
    topology = parse_topology(xml(package, core(0), "</object>"))
    assert (topology.cpu_model, topology.cores[0].package) == ("Big CPU", 3)


BOMB = b'<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><topology version="2.0">&b;</topology>'
REFUSED = {
    "nothing": (b"", "not well-formed"),
    "cut off": (GOLDEN.read_bytes()[:5000], "not well-formed"),
    "no XML": (b"Segmentation fault", "not well-formed"),
    "binary": (bytes(range(256)), "not well-formed"),
    "unknown encoding": (b'<?xml version="1.0" encoding="klingon"?><topology/>', "not well-formed"),
    "entities": (BOMB, "DTD of its own"),
    "deep": (b'<topology version="2.0">' + b"<object>" * 300, "nested deeper"),
    "other XML": (b"<html/>", "no hwloc XML"),
    "hwloc 1": (b"<topology><object/></topology>", "hwloc 1"),
    "the future": (xml(version='version="4.0"'), "'4.0' is not known"),
    "no machine": (b'<topology version="2.0"/>', "no machine"),
    "no PU": (xml(numa(0, "0x0")), "no processing unit"),
    "no PU allowed": (xml(core(0), machine='allowed_cpuset="0x2"'), "no processing unit"),
    "PU twice": (xml(core(0), core(0)), "PU 0 twice"),
    "node twice": (xml(numa(0, "0x1"), numa(0, "0x1"), core(0)), "NUMA node 0 twice"),
    "PU without index": (xml('<object type="PU"/>'), "bad os_index None of a PU"),
    "negative PU": (xml(core(-1)), "bad os_index '-1'"),
    "huge PU": (xml(core(10**9)), "bad os_index '1000000000'"),
    "infinite mask": (xml(numa(0, "0xf...f,0x1"), core(0)), "bad cpuset '0xf...f,0x1'"),
    "mask of words": (xml(numa(0, "all"), core(0)), "bad cpuset 'all'"),
    "endless mask": (xml(numa(0, "," * 100_000), core(0)), "bad cpuset"),
    "distance": (xml(core(0), after=distances().replace("33", "near")), "distance that is no number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_hwloc_never_writes_is_refused_in_one_line(name: str) -> None:
    document, reason = REFUSED[name]
    with pytest.raises(TopologyError, match=re.escape(reason)) as caught:
        parse_topology(document)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_too_much_xml_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xmltree, "MAX_XML_BYTES", 1000)
    with pytest.raises(TopologyError, match="more than 1000 bytes of XML"):
        parse_topology(GOLDEN.read_bytes())


def test_too_many_elements_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xmltree, "MAX_ELEMENTS", 10)
    with pytest.raises(TopologyError, match="more than 10 elements"):
        parse_topology(GOLDEN.read_bytes())


def test_memory_is_near_no_pu_without_a_core() -> None:
    damaged = bytearray(GOLDEN.read_bytes())
    damaged[5123:5126] = b""
    assert_sound(parse_topology(bytes(damaged)))


@given(st.data())
def test_damaged_xml_gives_a_whole_topology_or_a_topology_error(data: st.DataObject) -> None:
    document = bytearray(GOLDEN.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(document) - 1))
        document[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        topology = parse_topology(bytes(document))
    except TopologyError:
        return
    assert_sound(topology)


def test_hot_added_memory_counts_where_one_node_has_all_memory() -> None:
    assert read_topology(total_memory=lambda: 1 << 50).memory == 1 << 50
    assert read_topology(total_memory=lambda: 1).memory > 1


def test_hot_added_memory_changes_no_made_up_machine() -> None:
    assert read_topology(synthetic("core:2 pu:1"), total_memory=lambda: 1 << 50).memory == GIB


def fake_hwloc(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / PROGRAM
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_a_missing_hwloc_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="apt-get install hwloc"):
        read_topology()


def test_a_crash_of_hwloc_is_told_by_its_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_hwloc(tmp_path, monkeypatch, f"kill -{int(signal.SIGSEGV)} $$")
    with pytest.raises(TopologyError, match="killed by SIGSEGV: it said nothing"):
        read_topology()


def test_a_failing_hwloc_is_told_by_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_hwloc(tmp_path, monkeypatch, "echo one >&2; echo strange /sys >&2; exit 3")
    with pytest.raises(TopologyError, match=r"failed with exit code 3: strange /sys$"):
        read_topology()


def test_a_hanging_hwloc_is_killed_at_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_hwloc(tmp_path, monkeypatch, f"echo $$ > {tmp_path}/pid; exec sleep 1000")
    with pytest.raises(TopologyError, match=r"no answer within 2 s"):
        read_topology(timeout_s=2)
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_a_hwloc_that_says_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_hwloc(tmp_path, monkeypatch, "exit 0")
    with pytest.raises(TopologyError, match="exit code 0: it said nothing"):
        read_topology(LIVE)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match="No such file"):
        topology_from_file(tmp_path / "none.xml")


SETS = 'cpuset="0x1" complete_cpuset="0x1" online_cpuset="0x1" allowed_cpuset="0x1" nodeset="0x1" complete_nodeset="0x1"'
OLD = (
    f'<topology><object type="Machine" os_index="0" {SETS} allowed_nodeset="0x1"><object type="NUMANode" os_index="0" {SETS} '
    f'local_memory="1073741824"><object type="Core" os_index="0" {SETS}><object type="PU" os_index="0" {SETS}/></object></object>'
    "</object></topology>"
)


def test_a_file_of_hwloc_1_is_converted(tmp_path: Path) -> None:
    (tmp_path / "old.xml").write_text(OLD)
    assert nodes_of(topology_from_file(tmp_path / "old.xml")) == {0: (GIB, "0")}


def test_a_damaged_file_of_hwloc_1_is_an_error_not_this_machine(tmp_path: Path) -> None:
    (tmp_path / "old.xml").write_text(OLD[:200])
    with pytest.raises(TopologyError, match=PROGRAM):
        topology_from_file(tmp_path / "old.xml")


def test_a_source_is_a_value() -> None:
    assert TopologySource() == LIVE
    assert synthetic("core:2") != LIVE
